// One live queue per page: follows it, keeps the server's clock, and tells the widgets on each change and each second.

import { api } from './api.js';
import { ServerClock } from './queue-model.js';

const WORDS = {
  connecting: 'Connecting…',
  live: 'Live',
  retrying: 'No connection; trying again. What you see may be old.',
};

/**
 * Starts following `channel`. `onView(view, serverNow)` is called with each view; `onTick(view, serverNow)` each second for what counts
 * down; `onEvent(event)` with each event whose kind is among `kinds`. Shows the connection's state in `#connection`.
 *
 * Answers `again()`, which opens the stream anew (after logging in or out one is shown more or less), and `time()`, the server's.
 */
export function startLiveQueue({ channel = 'main', kinds = [], onView, onTick, onEvent }) {
  const clock = new ServerClock();
  const indicator = document.querySelector('#connection');
  let view = null;
  const follow = () => api.follow((next) => {
    view = next;
    clock.saw(next.at, Date.now());
    onView(view, clock.time(Date.now()));
  }, (state) => {
    if (!indicator || indicator.dataset.state === state) return;
    indicator.dataset.state = state;
    indicator.textContent = WORDS[state];
  }, { channel, kinds, onEvent });
  let stop = follow();
  setInterval(() => {
    if (view && !document.hidden) onTick?.(view, clock.time(Date.now()));
  }, 1000);
  return {
    again() {
      stop();
      stop = follow();
    },
    time: () => clock.time(Date.now()),
  };
}
