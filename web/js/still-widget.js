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
  #timer = null;
  #isOn = false;
  #isSeen = false;

  /** `name`: whose picture it is, for those who do not see it. */
  constructor(channel, entry, name) {
    this.#address = `/api/v1/channels/${encodeURIComponent(channel)}/entries/${entry}/still.jpg`;
    this.#image = element('img', { alt: `What ${name} sends now`, width: 320, height: 180 });
    // Nothing is shown before there is a picture: an empty frame only takes room on a phone.
    this.#frame = element('div', { class: 'still', hidden: true }, this.#image);
    this.root = element('div', { class: 'still-place' }, this.#frame);
    this.#image.addEventListener('load', () => this.#shown(true));
    this.#image.addEventListener('error', () => this.#shown(false));
    whenSeen(this.root, (isSeen) => {
      this.#isSeen = isSeen;
      this.#follow();
    });
  }

  /** On while its DJ is connected; may be called often. */
  set isOn(wanted) {
    if (wanted === this.#isOn) return;
    this.#isOn = wanted;
    this.#follow();
  }

  #follow() {
    clearTimeout(this.#timer);
    if (this.#isOn && this.#isSeen) this.#image.src = `${this.#address}?at=${Date.now()}`;
  }

  #shown(isThere) {
    this.#frame.hidden = !isThere;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#follow(), isThere ? EVERY_MILLISECONDS : AFTER_FAILURE_MILLISECONDS);
  }
}
