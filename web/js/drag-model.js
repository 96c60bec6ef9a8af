// Where a dragged entry would land. Pure.

/**
 * The place (1 is the first) for a pointer at height `y`. `middles` are the heights of the entries' middles from top to bottom, `null`
 * for the one that is dragged: it lands behind all whose middle is above the pointer.
 */
export function placeAt(middles, y) {
  return 1 + middles.filter((middle) => middle !== null && middle < y).length;
}
