// Takes an entry of the queue elsewhere by mouse, finger or arrow keys. The list is drawn by others (by steady.js not during a drag);
// this only reads it.

import { element } from './dom.js';
import { placeAt } from './drag-model.js';

export class DragHandle {
  #onMove;

  /** `onMove(id, place)` is called with the new place, 1 being the first. */
  constructor(onMove) {
    this.#onMove = onMove;
  }

  /** The handle of one entry, which shows its place. */
  handle(entry, place) {
    const made = element('button', {
      class: 'drag-handle', type: 'button', 'data-act': `${entry.id}-handle`,
      'aria-label': `${entry.name}, place ${place}. Drag, or press arrow up and down, to move.`,
    }, element('span', { 'aria-hidden': 'true' }, '⠿'), ` ${place}`);
    made.addEventListener('keydown', (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.#onMove(entry.id, place + step);
    });
    made.addEventListener('pointerdown', (event) => this.#begin(event, made, entry.id, place));
    return made;
  }

  #begin(event, handle, id, place) {
    if (event.button !== 0) return;
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    const own = handle.closest('li');
    const drag = { own, items: [...own.parentElement.children], start: event.clientY, place, wanted: place };
    own.classList.add('is-dragged');
    const move = (next) => {
      own.style.transform = `translateY(${next.clientY - drag.start}px)`;
      const middles = drag.items.map((item) => {
        const box = item.getBoundingClientRect();
        return item === own ? null : box.top + box.height / 2;
      });
      drag.wanted = placeAt(middles, next.clientY);
      drag.items.forEach((item, index) => item.classList.toggle('is-target', item !== own && index + 1 === drag.wanted));
    };
    const end = async (isDone) => {
      handle.removeEventListener('pointermove', move);
      handle.removeEventListener('pointerup', up);
      handle.removeEventListener('pointercancel', cancel);
      own.classList.remove('is-dragged');
      own.style.transform = '';
      drag.items.forEach((item) => item.classList.remove('is-target'));
      if (isDone && drag.wanted !== drag.place) await this.#onMove(id, drag.wanted);
    };
    const up = () => end(true);
    const cancel = () => end(false);
    handle.addEventListener('pointermove', move);
    handle.addEventListener('pointerup', up);
    handle.addEventListener('pointercancel', cancel);
  }
}
