export * from "../../../node_modules/streaming-markdown/smd.js";
