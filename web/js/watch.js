// The watch page, and the player for other sites (`data-embed`), which is the same with less around it.

import { api, ownRegion, playlistPath } from './api.js';
import { copyRow } from './copy-row.js';
import { element, show } from './dom.js';
import { startLiveQueue } from './live-queue.js';
import { NowWidget } from './now-widget.js';
import { outsidePath, viewersText } from './player-model.js';
import { Player } from './player.js';
import { waiting } from './queue-model.js';
import { QueueWidget } from './queue-widget.js';

const VIEWERS_MILLISECONDS = 15000;
const FIRST_MILLISECONDS = 4000;

const channel = decodeURIComponent(location.pathname.split('/')[2] ?? '') || 'main';
const find = (id) => document.getElementById(id);
const now = new NowWidget(find('now'));
const queue = find('queue') && new QueueWidget(find('queue'));

const address = find('address');
if (address) show(address, copyRow('Address', location.origin + playlistPath(channel)));
if (find('embed-code')) {
  show(find('embed-code'), copyRow('HTML', `<iframe src="${location.origin}/embed/${channel}" width="640" height="420" allow="autoplay; fullscreen" title="The broadcast"></iframe>`));
}
if (find('watch-link')) find('watch-link').href = `/watch/${channel}${ownRegion}`;
const player = new Player(find('player'), channel);
let offered = null;
player.start();

startLiveQueue({
  channel,
  onView: (view, time) => {
    now.render(view, time);
    queue?.render(view, time);
    const next = waiting(view).find((entry) => entry.ready) ?? waiting(view)[0];
    if (find('next')) find('next').textContent = next ? `Next: ${next.name}` : '';
  },
  onTick: (view, time) => now.tick(view, time),
});

/** Shows the address that is offered, and has the player use what is on. */
function offer(outputs) {
  if (offered === String(outputs)) return;
  offered = String(outputs);
  player.offer(outputs);
  if (!address) return;
  const path = outsidePath(channel, outputs);
  show(address, path ? copyRow('Address', location.origin + path + ownRegion) : element('p', {}, 'None is offered just now.'));
}

/** How many watch; asked while somebody looks. What cannot be told is left out. */
async function countViewers() {
  if (document.hidden) return;
  try {
    const answer = await api.viewerCount(channel);
    find('viewers').textContent = viewersText(answer) ?? '';
    offer(answer.outputs);
    player.place(answer.outside !== undefined);
  } catch {
    find('viewers').textContent = '';
  }
}
countViewers();
// This page's own viewer is counted once its feed has begun.
setTimeout(countViewers, FIRST_MILLISECONDS);
setInterval(countViewers, VIEWERS_MILLISECONDS);
document.addEventListener('visibilitychange', countViewers);
