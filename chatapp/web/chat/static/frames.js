/* Waiting for the browser's next frame. */

import { delay } from "../shell/requests.js";

const LONGEST = 100; // ms; a page that is hidden has no frames

/** @type {() => Promise<unknown>} */
export const nextFrame = () => Promise.race([new Promise((resolve) => requestAnimationFrame(resolve)), delay(LONGEST)]);
