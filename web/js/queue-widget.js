// Those who wait, in order. Owns the element it is given.

import { element, show } from './dom.js';
import { status, waiting } from './queue-model.js';

export class QueueWidget {
  #root;
  #user;

  /** `user`: the id of the person at this page, whose entry is marked; or nothing. */
  constructor(root, user = null) {
    this.#root = root;
    this.#user = user;
  }

  render(view, now) {
    const entries = waiting(view);
    const closed = !view.isOpen && element('p', { class: 'placeholder' }, 'The queue is closed to newcomers for now.');
    if (entries.length === 0) {
      show(this.#root, closed, element('p', { class: 'placeholder' }, 'Nobody is waiting.'));
      return;
    }
    show(this.#root, closed, element('ol', { class: 'queue' }, entries.map((entry, index) => this.#entry(entry, index, now))));
  }

  #entry(entry, index, now) {
    const { word, tone, note } = status(entry, now);
    const isMine = this.#user !== null && entry.user === this.#user;
    return element('li', { class: `queue-entry${isMine ? ' queue-entry-mine' : ''}` },
      element('span', { class: 'queue-place', 'aria-hidden': 'true' }, String(index + 1)),
      element('span', { class: 'queue-name' }, entry.name, isMine ? ' (you)' : ''),
      element('span', { class: `badge badge-${tone}` }, word),
      note && element('p', { class: 'queue-note' }, note));
  }
}
