import { playlistPath } from './api.js';
import { copyRow } from './copy-row.js';
import { show } from './dom.js';
import { startLiveQueue } from './live-queue.js';
import { NowWidget } from './now-widget.js';
import { Player } from './player.js';
import { QueueWidget } from './queue-widget.js';

const channel = location.pathname.split('/')[2] || 'main';
const now = new NowWidget(document.querySelector('#now'));
const queue = new QueueWidget(document.querySelector('#queue'));

show(document.querySelector('#address'), copyRow('Address', location.origin + playlistPath(channel)));
new Player(document.querySelector('#player'), channel).start();

startLiveQueue({
  onView: (view, time) => {
    now.render(view, time);
    queue.render(view, time);
  },
  onTick: (view, time) => now.tick(view, time),
});
