/* Entry point of a comparison's page: all panes share its one WebSocket. Closing the page stops the answers, as each
run is attached to its viewer (docs/compare.md). */

import { Comparison } from "./comparison.js";
import { streams } from "../shell/socket.js";

const comparison = new Comparison(document.querySelector("[data-comparison]"), streams);

addEventListener("pageshow", (event) => event.persisted && comparison.sync());
document.addEventListener("visibilitychange", () => document.hidden || comparison.sync());
const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
if (navigation?.type === "back_forward") comparison.sync();
