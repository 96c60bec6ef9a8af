// What the overlays share: their options become style.

import { overlayOptions } from './overlay-model.js';

/** Reads the address's options and sets size, alignment, colours and font. */
export function startOverlay() {
  const options = overlayOptions(location.search);
  const { style } = document.body;
  if (options.colour) style.setProperty('--colour', options.colour);
  if (options.accent) style.setProperty('--accent', options.accent);
  if (options.font) style.setProperty('--font', `"${options.font}"`);
  if (options.weight) style.setProperty('--weight', options.weight);
  if (!options.shadow) document.body.dataset.shadow = 'off';
  if (options.size) document.body.style.setProperty('--size', `${options.size}px`);
  if (options.align) document.body.dataset.align = options.align;
  return options;
}
