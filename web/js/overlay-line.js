// One line as an overlay for OBS: who is on air (`data-shows="now"`) or who is next (`data-shows="next"`).

import { element, show } from './dom.js';
import { startLiveQueue } from './live-queue.js';
import { startOverlay } from './overlay.js';
import { nextName, nowName } from './overlay-model.js';

const options = startOverlay();
const line = document.querySelector('#line');
const { word, read } = line.dataset.shows === 'now' ? { word: 'On air', read: nowName } : { word: 'Next', read: nextName };
let shown;

startLiveQueue({
  channel: options.channel,
  onView: (view) => {
    const name = read(view);
    if (name === shown) return;
    shown = name;
    show(line, name !== null && [options.label && element('span', { class: 'overlay-label' }, word), name]);
  },
});
