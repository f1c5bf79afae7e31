/* The size of an image in pixels, read from the beginning of its file: nothing is decoded. */

const HEAD_BYTES = 256 * 1024; // a JPEG has its size behind what its camera wrote
const FRAMES = new Set([0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]);

/** How many pixels an image has; 0 if its file does not say so where it should.
 * @param {Blob} file */
export async function pixelsOf(file) {
  const head = new DataView(await file.slice(0, HEAD_BYTES).arrayBuffer());
  try {
    const [width, height] = sizeIn(head);
    return width * height;
  } catch {
    return 0; // it ends too early: the server says what is wrong
  }
}

/** @param {DataView} head @returns {number[]} */
function sizeIn(head) {
  switch (head.getUint32(0)) {
    case 0x89504e47: // PNG
      return [head.getUint32(16), head.getUint32(20)];
    case 0x47494638: // GIF
      return [head.getUint16(6, true), head.getUint16(8, true)];
    case 0x52494646: // RIFF: WebP
      return webpSizeIn(head);
    default:
      return head.getUint16(0) === 0xffd8 ? jpegSizeIn(head) : [0, 0];
  }
}

/** @param {DataView} head */
function webpSizeIn(head) {
  const uint24 = (place) => head.getUint16(place, true) | (head.getUint8(place + 2) << 16);
  switch (head.getUint32(12)) {
    case 0x56503858: // VP8X
      return [uint24(24) + 1, uint24(27) + 1];
    case 0x5650384c: {
      const bits = head.getUint32(21, true); // VP8L
      return [(bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1];
    }
    default: // VP8
      return [head.getUint16(26, true) & 0x3fff, head.getUint16(28, true) & 0x3fff];
  }
}

/** @param {DataView} head */
function jpegSizeIn(head) {
  for (let place = 2; ; place += 2 + head.getUint16(place + 2)) {
    if (head.getUint8(place) !== 0xff) return [0, 0];
    if (FRAMES.has(head.getUint8(place + 1))) return [head.getUint16(place + 7), head.getUint16(place + 5)];
  }
}
