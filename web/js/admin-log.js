// Who did what, and what each hand-over cost. Each owns its element.

import { api } from './api.js';
import { element } from './dom.js';
import { auditWords, handoverRow } from './log-model.js';
import { actButton, panel, table } from './panel.js';

export class AuditPanel {
  #panel;
  #channel;
  #records = [];
  #next = null;
  #wantsMore = false;

  constructor(root, channel) {
    this.#channel = channel;
    this.#panel = panel(root, 'Who did what', () => this.#load(), () => [
      this.#records.length === 0 ? element('p', { class: 'placeholder' }, 'Nothing was done yet.')
        : element('ul', { class: 'queue' }, this.#records.map((record) => element('li', { class: 'history-entry' },
          element('p', {}, auditWords(record)), element('p', { class: 'queue-note' }, new Date(record.at).toLocaleString())))),
      this.#next && actButton('Older', 'Show older acts', () => this.#older()),
    ]);
  }

  open() { this.#panel.reload(); }

  async #load() {
    const more = this.#wantsMore;
    this.#wantsMore = false;
    const page = await api.audit(this.#channel, more ? this.#next : null);
    this.#records = more ? [...this.#records, ...page.records] : page.records;
    this.#next = page.next;
  }

  async #older() {
    this.#wantsMore = true;
    await this.#panel.reload();
  }
}

export class HandoversPanel {
  #panel;

  constructor(root, channel) {
    this.#panel = panel(root, 'Hand-overs', () => api.handovers(channel), ({ handovers }) => (handovers.length === 0
      ? element('p', { class: 'placeholder' }, 'No hand-over yet.')
      : [table('Hand-overs, newest first', ['On air at', 'From', 'To', 'Why', 'Picture', 'Sound'], handovers.map((one) => handoverRow(one))),
        element('p', { class: 'field-hint' }, 'Picture: frames missing at the join. Sound: milliseconds missing; negative is overlap. ',
          element('a', { href: `/api/v1/channels/${channel}/handovers.csv` }, 'As CSV'))]));
  }

  open() { this.#panel.reload(); }
}
