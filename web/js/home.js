import { startLiveQueue } from './live-queue.js';
import { NowWidget } from './now-widget.js';
import { QueueWidget } from './queue-widget.js';

const now = new NowWidget(document.querySelector('#now'));
const queue = new QueueWidget(document.querySelector('#queue'));

startLiveQueue({
  onView: (view, time) => {
    now.render(view, time);
    queue.render(view, time);
  },
  onTick: (view, time) => now.tick(view, time),
});
