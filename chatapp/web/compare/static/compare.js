/* The page of a comparison: all panes over the page's one WebSocket. Closing it stops the answers, for they depend on
being followed (docs/compare.md). */

import { Comparison } from "./comparison.js";
import { streams } from "../shell/socket.js";

const comparison = new Comparison(document.querySelector("[data-comparison]"), streams);

addEventListener("pageshow", (event) => event.persisted && comparison.sync());
document.addEventListener("visibilitychange", () => document.hidden || comparison.sync());
if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") comparison.sync();
