import { api } from './api.js';
import { copyRow } from './copy-row.js';
import { element, notice, show } from './dom.js';
import { KeysWidget } from './keys-widget.js';
import { startLiveQueue } from './live-queue.js';
import { NowWidget } from './now-widget.js';
import { placeOf, placeSentence, unhealthySentence } from './queue-model.js';
import { QueueWidget } from './queue-widget.js';
import { personBar, signInForms } from './sign-in.js';
import { TestWidget } from './test-widget.js';

const desk = document.querySelector('#desk');
// What the live queue draws into; set while somebody is logged in.
let live = null;
let last = null;

function signedOut() {
  live = null;
  show(desk, element('p', {}, 'Log in to see your stream key and your place.'), signInForms(signedIn));
}

async function signedIn(account) {
  show(desk, element('p', { class: 'placeholder' }, 'Setting up your desk…'));
  let server;
  try {
    server = await api.server();
  } catch (error) {
    failed(error);
    return;
  }
  const place = element('div', { class: 'panel' });
  const keys = element('section', { class: 'panel' });
  const queue = element('div');
  show(desk, personBar(account, signedOut),
    element('div', { class: 'columns' },
      element('div', { class: 'stack' }, place, keys, steps(server)),
      element('section', { class: 'panel' }, element('h2', {}, 'Queue'), queue)));
  // Logged in, one is shown all of one's own entry.
  following.again();
  live = { account, place: new PlaceWidget(place, account.id), queue: new QueueList(queue, account.id) };
  if (last) draw(last.view, last.time);
  await new KeysWidget(keys, server).start();
}

/** The DJ's own place, and what their stream still lacks. */
class PlaceWidget {
  #root;
  #user;

  constructor(root, user) {
    this.#root = root;
    this.#user = user;
    show(root, element('h2', {}, 'Your place'), element('p', { class: 'placeholder' }, 'Looking for your place…'));
  }

  render(view, time) {
    const entry = placeOf(view, this.#user)?.entry;
    const missing = entry?.missing ?? [];
    const unhealthy = entry ? unhealthySentence(entry, time) : null;
    show(this.#root, element('h2', {}, 'Your place'),
      element('p', { role: 'status' }, element('b', {}, placeSentence(view, this.#user))),
      unhealthy && notice('bad', unhealthy),
      missing.length > 0 && element('ul', { class: 'steps' }, missing.map((text) => element('li', {}, text))));
  }

  /** Only what counts down. */
  tick(view, time) {
    if (placeOf(view, this.#user)?.entry.unhealthy) this.render(view, time);
  }
}

/** Who is on air, and all who wait. */
class QueueList {
  #now;
  #waiting;

  constructor(root, user) {
    const now = element('div');
    const waiting = element('div');
    show(root, element('div', { class: 'now-bar' }, now), waiting);
    this.#now = new NowWidget(now);
    this.#waiting = new QueueWidget(waiting, user);
  }

  render(view, time) {
    this.#now.render(view, time);
    this.#waiting.render(view, time);
  }

  tick(view, time) {
    this.#now.tick(view, time);
  }
}

function steps(server) {
  const item = (...children) => element('li', {}, ...children);
  const bold = (text) => element('b', {}, text);
  const test = element('div');
  new TestWidget(test, server);
  return element('section', { class: 'panel' }, element('h2', {}, 'Set up OBS'),
    element('ol', { class: 'steps' },
      item('Open ', bold('Settings → Stream'), ' and choose the service ', bold('Custom…')),
      item(bold('Server: '), copyRow('', server.rtmp.url)),
      item(bold('Stream Key: '), 'the key above, which is shown once when it is made'),
      item('Open ', bold('Settings → Output'), ', choose ', bold('Advanced'), ' and set ', bold('Keyframe Interval'),
        ' to ', bold('2 s'), '. With 0 (automatic) you take several seconds longer to get on air.'),
      item('Press ', bold('Start Streaming'), '. You join the queue at the end, and this page shows your place.')), test,
    // OBS shows its own sentence for every refusal; ours stands in its log only.
    element('p', { class: 'field-hint' }, 'If OBS says that it could not access the channel or stream key, the key is mistyped or ',
      'revoked, or the queue is closed: Help → Log Files → View Current Log has the reason.'));
}

function failed(error) {
  live = null;
  show(desk, notice('bad', error.message), element('button', { class: 'button', type: 'button', onclick: begin }, 'Try again'));
}

function draw(view, time) {
  live?.place.render(view, time);
  live?.queue.render(view, time);
}

async function begin() {
  show(desk, element('p', { class: 'placeholder' }, 'Looking who you are…'));
  let account;
  try {
    account = await api.me();
  } catch (error) {
    failed(error);
    return;
  }
  if (account) await signedIn(account);
  else signedOut();
}

const following = startLiveQueue({
  onView: (view, time) => {
    last = { view, time };
    draw(view, time);
  },
  onTick: (view, time) => {
    live?.queue.tick(view, time);
    live?.place.tick(view, time);
  },
});
begin();
