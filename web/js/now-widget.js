// Who is on air, with the time left. Owns the element it is given.

import { element, show } from './dom.js';
import { clockFace, onAir, secondsLeft, slotUsed, span, status, waiting } from './queue-model.js';

export class NowWidget {
  #root;
  #time = null;
  #bar = null;

  constructor(root) {
    this.#root = root;
  }

  /** Draws anew; called when the queue changed. */
  render(view, now) {
    const entry = onAir(view);
    this.#time = null;
    this.#bar = null;
    if (!entry) {
      show(this.#root,
        element('p', { class: 'now-line' }, element('span', { class: 'now-name' }, 'Nobody yet')),
        element('p', { class: 'now-time' }, waiting(view).length > 0
          ? 'The next DJ goes on air as soon as they are ready.'
          : 'The stage is free. The broadcast shows its slate until a DJ starts.'));
      return;
    }
    const { word, tone, note } = status(entry, now);
    this.#time = element('p', { class: 'now-time' });
    this.#bar = element('progress', { class: 'slot', max: 1, value: 0, 'aria-label': 'Part of the slot used' });
    show(this.#root,
      element('p', { class: 'now-line' },
        element('span', { class: 'now-name' }, entry.name), element('span', { class: `badge badge-${tone}` }, word)),
      note && element('p', { class: 'now-time' }, note), this.#time, this.#bar);
    this.tick(view, now);
  }

  /** Moves what counts down; called each second. */
  tick(view, now) {
    if (!this.#time) return;
    const left = secondsLeft(view, now);
    const used = slotUsed(view, now);
    if (left === null) {
      this.#time.textContent = 'No time limit.';
    } else if (left === 0) {
      this.#time.textContent = waiting(view).length > 0 ? 'The slot is over: handing over.' : 'Overtime: nobody else is waiting.';
    } else {
      this.#time.replaceChildren(element('b', {}, clockFace(left)), ` left of ${span(view.slotSeconds ?? left)}`);
    }
    this.#bar.hidden = used === null;
    if (used !== null) this.#bar.value = used;
  }
}
