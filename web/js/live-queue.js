// One live queue per page: follows it, keeps the server's clock, and tells the widgets on each change and each second.

import { api } from './api.js';
import { ServerClock } from './queue-model.js';

const WORDS = {
  connecting: 'Connecting…',
  live: 'Live',
  retrying: 'No connection; trying again. What you see may be old.',
};

/**
 * Starts following. `onView(view, serverNow)` is called with each view; `onTick(view, serverNow)` each second for what counts
 * down. Shows the connection's state in `#connection`.
 *
 * Answers `again()`, which opens the stream anew (after logging in or out one is shown more or less), and `time()`, the server's.
 */
export function startLiveQueue({ onView, onTick }) {
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
  });
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
