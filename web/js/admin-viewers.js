// Who watches, and how the server is. Each owns its element.

import { api } from './api.js';
import { confirmed } from './confirm.js';
import { copyRow } from './copy-row.js';
import { element, notice } from './dom.js';
import { bytesText } from './log-model.js';
import { actButton, panel, table } from './panel.js';
import { span } from './queue-model.js';
import { sentAwayWords } from './viewers-model.js';

export class ViewersPanel {
  #panel;
  #channel;

  constructor(root, channel) {
    this.#channel = channel;
    this.#panel = panel(root, 'Viewers', () => api.viewers(channel), (answer) => [
      element('p', {}, element('b', {}, answer.viewers.toLocaleString()), ` now${answer.estimate ? ' (some come through a cache: there may be more)' : ''}, at most ${answer.peak.toLocaleString()}.`),
      element('p', { class: 'queue-note' }, Object.entries(answer.byProtocol).filter(([, count]) => count > 0).map(([name, count]) => `${name}: ${count}`).join(' · ')),
      answer.sessions.length === 0 ? element('p', { class: 'placeholder' }, 'Nobody watches now.')
        : element('ul', { class: 'queue' }, answer.sessions.map((session) => this.#session(session))),
      answer.closedLately.length > 0 && element('details', {}, element('summary', {}, 'Who left lately'), leavers(answer.closedLately)),
      element('div', { class: 'acts' }, actButton('Look again', 'Load the viewers again', () => this.#panel.reload()),
        answer.invitedOnly && actButton('Invite a viewer', 'Make a link for an invited viewer', () => this.#invite())),
    ]);
  }

  open() { this.#panel.reload(); }

  #invite() {
    return this.#panel.act(() => api.playLink(this.#channel), ({ watch, playlist, expiresAt }) => notice('good',
      `For one viewer, until ${new Date(expiresAt).toLocaleString()}. Whoever has a link can watch with it.`,
      copyRow('Watch page', watch), copyRow('List for television apps', playlist)));
  }

  #session(session) {
    const since = (Date.now() - Date.parse(session.openedAt)) / 1000;
    return element('li', { class: 'person-entry' },
      element('p', {}, element('b', {}, session.protocol), ` for ${span(since)}, ${bytesText(session.bytes)}, from ${session.address}`),
      session.agent && element('p', { class: 'queue-note' }, session.agent),
      element('div', { class: 'acts' }, actButton('Send away', `Send viewer ${session.id} away`, () => this.#kick(session), true)));
  }

  async #kick(session) {
    const agreed = await confirmed({ title: 'Send this viewer away?', action: 'Send away', text: 'Whatever they watch with ends, and their address is kept out for ten minutes.' });
    if (!agreed) return;
    await this.#panel.act(() => api.kickViewer(this.#channel, session.id), (answer) => {
      const { kind, words } = sentAwayWords(answer);
      return notice(kind, words);
    });
  }
}

const REASONS = { left: 'left', idle: 'asked for nothing any more', kicked: 'was sent away' };

function leavers(sessions) {
  return table('Viewers who left lately', ['When', 'Watched', 'How', 'Why', 'With'], sessions.map((session) => [
    new Date(session.closedAt).toLocaleTimeString(), span((Date.parse(session.lastSeenAt) - Date.parse(session.openedAt)) / 1000),
    `${session.protocol}, ${bytesText(session.bytes)}`, REASONS[session.reason] ?? session.reason, session.agent ?? '',
  ]));
}

export class SystemPanel {
  #panel;

  constructor(root) {
    this.#panel = panel(root, 'System', () => Promise.all([api.readiness(), api.server()]), ([{ ready, checks }, server]) => [
      element('p', {}, element('span', { class: `badge badge-${ready ? 'good' : 'air'}` }, ready ? 'All is well' : 'Trouble')),
      element('ul', { class: 'queue' }, checks.map(({ name, ok, cause }) => element('li', { class: 'history-entry' },
        element('p', {}, element('span', { class: `badge badge-${ok ? 'good' : 'air'}` }, ok ? 'OK' : 'Not OK'), ` ${name}`),
        cause && element('p', { class: 'queue-note' }, cause)))),
      element('p', { class: 'queue-note' }, `DJs publish to ${server.rtmp.url}. Channels: ${server.channels.join(', ')}.`),
      actButton('Look again', 'Ask the server again', () => this.#panel.reload()),
    ]);
  }

  open() { this.#panel.reload(); }
}
