// "Test my stream": shows what the server receives of a stream that is in no queue. Owns its element; asks only while it is open.

import { api } from './api.js';
import { copyRow } from './copy-row.js';
import { element, notice, show } from './dom.js';
import { LevelWidget } from './level-widget.js';
import { figures, judge, testAddress } from './test-model.js';

const interval = 2000;

export class TestWidget {
  #status = element('div', { role: 'status' });
  #details;
  #level = new LevelWidget('/api/v1/me/level');
  #timer = null;

  /** `server`: the public facts. */
  constructor(root, server) {
    this.#details = element('details', {}, element('summary', {}, 'Test my stream first'),
      element('p', {}, 'Put this address in place of the server’s, keep your key, and start streaming. Nobody sees it, and you join no queue.'),
      copyRow('Server for a test', testAddress(server.rtmp.url)), this.#status, this.#level.root);
    this.#details.addEventListener('toggle', () => this.#look());
    show(root, this.#details);
  }

  async #look() {
    clearTimeout(this.#timer);
    if (!this.#details.open) this.#level.isOn = false;
    if (!this.#details.open || !this.#details.isConnected) return;
    try {
      const { stream } = await api.testStream();
      const { verdict, lines } = judge(stream);
      this.#level.isOn = Boolean(stream);
      show(this.#status, verdict === 'good'
        ? notice('good', 'Your stream is fine. Put the server’s address back and join the queue.')
        : verdict === 'bad' ? notice('bad', ...lines) : element('p', { class: 'placeholder' }, lines[0]),
      stream && element('p', { class: 'field-hint' }, figures(stream)));
    } catch (error) {
      show(this.#status, notice('bad', error.message));
    }
    this.#timer = setTimeout(() => this.#look(), interval);
  }
}
