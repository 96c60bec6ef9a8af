// The queue as an overlay for OBS: names, the head first, kept up to date without reloading.

import { element, show } from './dom.js';
import { startLiveQueue } from './live-queue.js';
import { startOverlay } from './overlay.js';
import { overlayLines } from './overlay-model.js';

const options = startOverlay();
const list = document.querySelector('#queue');
if (!options.numbers) list.dataset.numbers = 'off';

startLiveQueue({
  channel: options.channel,
  onView: (view) => {
    const { lines, more } = overlayLines(view, options.max);
    show(list, lines.map(({ name, isOnAir }) => element('li', { class: isOnAir && 'on-air' }, name)),
      more > 0 && element('li', { class: 'overlay-more' }, `and ${more} more`));
  },
});
