// The watch page, and the player for other sites (`data-embed`), which is the same with less around it.

import { api, ownQuery, playlistPath } from './api.js';
import { copyRow } from './copy-row.js';
import { element, show } from './dom.js';
import { outsidePath } from './feed-model.js';
import { startLiveQueue } from './live-queue.js';
import { NowWidget } from './now-widget.js';
import { viewersText } from './player-model.js';
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
  show(find('embed-code'), copyRow('HTML', `<iframe src="${location.origin}/embed/${channel}" width="640" height="480" allow="autoplay; fullscreen" title="The broadcast"></iframe>`));
}
// An invited viewer's own address goes where this viewer goes, and into nothing that is made for others to see.
const ownPage = find('watch-link') ?? document.querySelector('nav [aria-current="page"]');
if (ownPage) ownPage.href = `/watch/${channel}${ownQuery}`;
if (find('invited-hint')) find('invited-hint').hidden = !new URLSearchParams(ownQuery).has('viewer');
const player = new Player(find('player'), channel, ask);
let offered = null;
player.start();

// A sandboxed frame is of no origin, and may load media but ask nothing: it shows the picture alone.
const isAlone = window.origin === 'null';
if (isAlone) find('now').hidden = true;
else startLiveQueue({
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
  player.offer(outputs);
  if (!address || offered === String(outputs)) return;
  offered = String(outputs);
  const path = outsidePath(channel, outputs);
  show(address, path ? copyRow('Address', location.origin + path + ownQuery) : element('p', {}, 'None is offered just now.'));
}

/** How many watch, and how the channel is offered. What cannot be told is left out. */
async function ask() {
  if (isAlone) return;
  try {
    const answer = await api.viewerCount(channel);
    find('viewers').textContent = viewersText(answer) ?? '';
    offer(answer.outputs);
    player.place(answer.outside !== undefined);
  } catch {
    find('viewers').textContent = '';
  }
}

/** Asked again and again only while somebody looks. */
function askOnSight() {
  if (!document.hidden) ask();
}
askOnSight();
// This page's own viewer is counted once its feed has begun.
setTimeout(askOnSight, FIRST_MILLISECONDS);
setInterval(askOnSight, VIEWERS_MILLISECONDS);
document.addEventListener('visibilitychange', askOnSight);
