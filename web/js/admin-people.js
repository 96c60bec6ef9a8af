// Accounts as an admin runs them: search, role, let through, disable, reset link, keys. Owns its element.

import { api } from './api.js';
import { confirmed } from './confirm.js';
import { copyRow } from './copy-row.js';
import { element, notice, show } from './dom.js';
import { actButton, panel } from './panel.js';
import { ROLES, foundPeople, personNote } from './people-model.js';

/** So many are drawn; searching finds the others. */
const SHOWN = 50;

export class PeoplePanel {
  #root;
  #self;
  #panel;
  #people = [];
  #search = element('input', { type: 'search', id: 'people-search', autocomplete: 'off', placeholder: 'Name or e-mail' });
  #list = element('div', { 'aria-live': 'polite' });
  #body = element('div', {}, element('div', { class: 'field' }, element('label', { for: 'people-search' }, 'Search'), this.#search), this.#list);

  constructor(root, self) {
    this.#root = root;
    this.#self = self;
    this.#search.addEventListener('input', () => this.#drawList());
    this.#panel = panel(root, 'People', () => api.users(), (people) => {
      this.#people = people;
      this.#drawList();
      return this.#body;
    });
  }

  open() { this.#panel.reload(); }

  #drawList() {
    const found = foundPeople(this.#people, this.#search.value);
    show(this.#list,
      element('p', { class: 'field-hint' }, found.length === this.#people.length ? `${found.length} accounts.` : `${found.length} of ${this.#people.length} accounts.`),
      found.length === 0 ? element('p', { class: 'placeholder' }, 'Nobody has such a name or address.')
        : element('ul', { class: 'queue' }, found.slice(0, SHOWN).map((person) => this.#person(person))),
      found.length > SHOWN && element('p', { class: 'field-hint' }, `The first ${SHOWN} are shown: search for the others.`));
  }

  #person(person) {
    const isSelf = person.id === this.#self;
    const role = element('select', { 'aria-label': `Role of ${person.name}`, disabled: isSelf },
      ROLES.map((name) => element('option', { value: name, selected: name === person.role }, name)));
    role.addEventListener('change', () => this.#setRole(person, role));
    const keys = element('div');
    const act = (label, title, work, done, isDanger) => actButton(label, `${title} ${person.name}`, () => this.#panel.act(work, done), isDanger);
    return element('li', { class: 'person-entry' },
      element('p', { class: 'queue-name' }, person.name, isSelf ? ' (you)' : ''),
      element('p', { class: 'queue-note' }, person.email), element('p', { class: 'queue-note' }, personNote(person)),
      element('div', { class: 'acts' }, role,
        person.approved === false && act('Let through', 'Let through:', () => api.approveUser(person.id), `${person.name} may play. Release the entry that waits, if there is one.`),
        act('Reset link', 'Make a link for a new password of', () => api.resetLink(person.id), ({ link }) => this.#link(person, link)),
        act('Log out', 'Log out everywhere:', () => api.endUserSessions(person.id), `${person.name} is logged out everywhere.`),
        person.secondFactor && actButton('Take codes off', `Take the one-time codes off ${person.name}`, () => this.#removeCodes(person), true),
        actButton('Keys', `Stream keys of ${person.name}`, () => this.#keys(person, keys)),
        !isSelf && (person.disabled
          ? act('Enable', 'Enable', () => api.enableUser(person.id), `${person.name} can log in again.`)
          : actButton('Disable', `Disable ${person.name}`, () => this.#disable(person), true))),
      keys);
  }

  async #setRole(person, select) {
    const agreed = await confirmed({
      title: `Make ${person.name} ${select.value}?`, action: 'Change the role',
      text: { admin: 'Admins can do everything, also with accounts.', operator: 'Operators run the queue and the output.', dj: 'DJs play.', viewer: 'Viewers only watch.' }[select.value],
    });
    if (!agreed) {
      select.value = person.role;
      return;
    }
    await this.#panel.act(() => api.setRole(person.id, select.value), `${person.name} is ${select.value} now.`);
  }

  async #disable(person) {
    const agreed = await confirmed({ title: `Disable ${person.name}?`, action: 'Disable', text: 'They are logged out, and a stream of theirs ends at once. You can enable them again.' });
    if (agreed) await this.#panel.act(() => api.disableUser(person.id), `${person.name} is disabled.`);
  }

  async #removeCodes(person) {
    const agreed = await confirmed({ title: `Take the codes off ${person.name}?`, action: 'Take them off', text: 'For somebody who lost their phone, once you are sure who asks: the password alone logs them in then.' });
    if (agreed) await this.#panel.act(() => api.removeUserCodes(person.id), `${person.name} logs in without codes now.`);
  }

  #link(person, link) {
    return element('div', { class: 'notice notice-good', role: 'status' },
      element('p', {}, `Give this link to ${person.name} and nobody else. It works once, for 30 minutes.`), copyRow('Reset link', new URL(link, location.origin).href));
  }

  async #keys(person, place) {
    if (place.childElementCount > 0) {
      show(place);
      return;
    }
    show(place, element('p', { class: 'placeholder' }, 'Loading…'));
    try {
      const keys = (await api.userKeys(person.id)).filter((key) => !key.revokedAt);
      show(place, keys.length === 0 ? element('p', { class: 'placeholder' }, 'No stream key.')
        : element('ul', { class: 'keys' }, keys.map((key) => element('li', {},
          element('span', { class: 'key-name' }, key.label || 'Stream key'),
          element('p', { class: 'key-note' }, key.lastUsedAt ? `Last used ${new Date(key.lastUsedAt).toLocaleString()}.` : 'Never used.'),
          actButton('Revoke', `Revoke ${key.label || 'the key'} of ${person.name}`, () => this.#revoke(person, key), true)))));
    } catch (error) {
      show(place, notice('bad', error.status === 404 ? 'This server does not show the keys of others.' : error.message));
    }
  }

  async #revoke(person, key) {
    const agreed = await confirmed({ title: 'Revoke this key?', action: 'Revoke', text: `“${key.label || 'Stream key'}” of ${person.name} stops working for good. A stream with it ends.` });
    if (agreed) await this.#panel.act(() => api.revokeUserKey(person.id, key.id), 'The key is revoked.');
  }
}
