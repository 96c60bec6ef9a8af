import { Alarm } from './alarm.js';
import { api } from './api.js';
import { deskTitle, warningSentence } from './desk-model.js';
import { copyRow } from './copy-row.js';
import { element, notice, show } from './dom.js';
import { HistoryWidget } from './history-widget.js';
import { KeysWidget } from './keys-widget.js';
import { startLiveQueue } from './live-queue.js';
import { NowWidget } from './now-widget.js';
import { PlaceWidget } from './place-widget.js';
import { placeOf } from './queue-model.js';
import { QueueWidget } from './queue-widget.js';
import { personBar, signInForms } from './sign-in.js';
import { TestWidget } from './test-widget.js';

const CHANNEL = 'main';
/** How long a warning stays to be read. */
const WARNING_MILLISECONDS = 20000;
/** Only what has just ended is told again after a reload. */
const RECENT_MILLISECONDS = 600000;

const alarm = new Alarm();
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
  const place = element('section', { class: 'panel' });
  const history = element('section', { class: 'panel' });
  const warning = element('div', { 'aria-live': 'assertive' });
  const keys = element('section', { class: 'panel' });
  const queue = element('div');
  show(desk, personBar(account, signedOut), warning,
    element('div', { class: 'columns' },
      element('div', { class: 'stack' }, place, keys, steps(server)),
      element('div', { class: 'stack' }, element('section', { class: 'panel' }, element('h2', {}, 'Queue'), queue, alarm.control()), history)));
  // Logged in, one is shown all of one's own entry.
  following.again();
  live = { account, warning, place: new PlaceWidget(place, account.id, CHANNEL), queue: new QueueList(queue, account.id), history: new HistoryWidget(history, CHANNEL), entry: null };
  if (last) draw(last.view, last.time);
  await Promise.all([new KeysWidget(keys, server).start(), newTurns()]);
}

/** Past turns; and, where one ended just now, why. */
async function newTurns() {
  const newest = await live?.history.load();
  if (!newest || !live || Date.now() - Date.parse(newest.endedAt) > RECENT_MILLISECONDS) return;
  if (last && placeOf(last.view, live.account.id)) return;
  live.place.ended(newest.reason);
  if (last) draw(last.view, last.time);
}

function told(event) {
  if (!live?.entry || event.payload?.entry !== live.entry.id) return;
  if (event.kind === 'queue.left') {
    live.place.ended(event.payload.reason);
    if (last) draw(last.view, last.time);
    live.history.load();
    return;
  }
  const sentence = warningSentence(event, live.entry);
  if (!sentence) return;
  alarm.sound();
  const shown = notice('', sentence);
  show(live.warning, shown);
  setTimeout(() => shown.remove(), WARNING_MILLISECONDS);
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
  if (!live) return;
  // Kept after it has gone: the event that says why may come later.
  live.entry = placeOf(view, live.account.id)?.entry ?? live.entry;
  live.place.render(view, time);
  live.queue.render(view, time);
  document.title = deskTitle(view, live.account.id, time);
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
  channel: CHANNEL,
  kinds: ['onair.warning', 'queue.left'],
  onEvent: told,
  onView: (view, time) => {
    last = { view, time };
    draw(view, time);
  },
  onTick: (view, time) => {
    if (!live) return;
    live.queue.tick(view, time);
    live.place.tick(view, time);
    document.title = deskTitle(view, live.account.id, time);
  },
});
begin();
