/* The page's one WebSocket: whoever follows a stream here shares it. */

import { connection } from "./status.js";
import { Streams } from "./streams.js";

const url = new URL("/ws/streams", location.href);
url.protocol = url.protocol.replace("http", "ws");

export const streams = new Streams(url, connection);
