// The picture as the server receives it: a still, asked for anew while it can be seen. Owns the element it makes.

import { element } from './dom.js';
import { whenSeen } from './seen.js';

/** The server makes at most one each 5 s. */
const EVERY_MILLISECONDS = 5000;
/** After a failure (no picture yet) it is asked less often. */
const AFTER_FAILURE_MILLISECONDS = 8000;

export class StillWidget {
  #address;
  #image;
  #frame;
  #wait = element('span', { class: 'still-wait' }, 'No picture yet');
  #timer = null;
  #isOn = false;
  #isSeen = false;

  /** `name`: whose picture it is, for those who do not see it. */
  constructor(channel, entry, name) {
    this.#address = `/api/v1/channels/${encodeURIComponent(channel)}/entries/${entry}/still.jpg`;
    this.#image = element('img', { alt: `What ${name} sends now`, width: 320, height: 180, hidden: true });
    // The frame is there as soon as its DJ is connected: a picture that came later would push the buttons under it from under a finger.
    this.#frame = element('div', { class: 'still', hidden: true }, this.#image, this.#wait);
    this.root = element('div', { class: 'still-place' }, this.#frame);
    this.#image.addEventListener('load', () => this.#asked(true));
    this.#image.addEventListener('error', () => this.#asked(false));
    whenSeen(this.root, (isSeen) => {
      this.#isSeen = isSeen;
      this.#follow();
    });
  }

  /** On while its DJ is connected; may be called often. */
  set isOn(wanted) {
    if (wanted === this.#isOn) return;
    this.#isOn = wanted;
    if (wanted) this.#frame.hidden = false;
    this.#follow();
  }

  #follow() {
    clearTimeout(this.#timer);
    if (this.#isOn && this.#isSeen) this.#image.src = `${this.#address}?at=${Date.now()}`;
  }

  #asked(isThere) {
    this.#image.hidden = !isThere;
    this.#wait.hidden = isThere;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#follow(), isThere ? EVERY_MILLISECONDS : AFTER_FAILURE_MILLISECONDS);
  }
}
