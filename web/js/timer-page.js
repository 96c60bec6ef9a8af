// The time left of the slot on air as an overlay for OBS; nothing while nobody is on air.

import { startLiveQueue } from './live-queue.js';
import { startOverlay } from './overlay.js';
import { timerSeconds } from './overlay-model.js';
import { clockFace } from './queue-model.js';

const options = startOverlay();
const timer = document.querySelector('#timer');

function draw(view, now) {
  const left = timerSeconds(view, now);
  timer.textContent = left === null ? '' : clockFace(left);
  timer.classList.toggle('ending', left !== null && left <= 60);
}

startLiveQueue({ channel: options.channel, onView: draw, onTick: draw });
