// What the overlays share: their options become style.

import { overlayOptions } from './overlay-model.js';

/** Reads the address's options and sets size and alignment. */
export function startOverlay() {
  const options = overlayOptions(location.search);
  if (options.size) document.body.style.setProperty('--size', `${options.size}px`);
  if (options.align) document.body.dataset.align = options.align;
  return options;
}
