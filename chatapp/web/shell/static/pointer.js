/* How the reader points and types. */

// No Shift key at hand. Some desktops report no hover, and a mouse all the same.
export const touchOnly = matchMedia("(hover: none) and (pointer: coarse)");
