/* The page of a comparison: all panes over one WebSocket. Closing it stops the answers, for they depend on being
followed (docs/compare.md). */

import { Comparison } from "./comparison.js";
import { Streams } from "../pages/streams.js";
import { connection } from "../pages/status.js";

const root = document.querySelector("[data-comparison]");
const url = new URL("/ws/streams", location.href);
url.protocol = url.protocol.replace("http", "ws");

const comparison = new Comparison(root, new Streams(url, connection));

addEventListener("pageshow", (event) => event.persisted && comparison.sync());
document.addEventListener("visibilitychange", () => document.hidden || comparison.sync());
if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") comparison.sync();
