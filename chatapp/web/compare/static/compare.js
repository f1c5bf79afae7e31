/* Entry point of a comparison's page: all panes share its one connection. Each run is attached to its viewer: the
answers stop when the page is not back within a few seconds after it was left (docs/compare.md). */

import { Comparison } from "./comparison.js";
import { streams } from "../shell/socket.js";

const comparison = new Comparison(document.querySelector("[data-comparison]"), streams);

addEventListener("pageshow", (event) => event.persisted && comparison.sync());
document.addEventListener("visibilitychange", () => document.hidden || comparison.sync());
const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
if (navigation?.type === "back_forward") comparison.sync();
