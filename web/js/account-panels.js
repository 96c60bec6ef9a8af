// The panels of one's own account. Owns its element.

import { api } from './api.js';
import { confirmed } from './confirm.js';
import { copyRow } from './copy-row.js';
import { element, notice, show } from './dom.js';
import { form } from './form.js';
import { browserName } from './link-model.js';

const present = { name: 'password', label: 'Present password', type: 'password', autocomplete: 'current-password' };

export class AccountPanels {
  #root;
  #account;
  #on;
  #sessions = element('div');
  #discord = element('div');

  /** `on.changed(account)` after a change that the whole page shows, `on.gone()` when the account is. */
  constructor(root, account, on) {
    this.#root = root;
    this.#account = account;
    this.#on = on;
  }

  async start() {
    const account = this.#account;
    show(this.#root,
      !account.approved && notice('', 'You are new here: your first set starts once an operator lets you through.'),
      element('div', { class: 'forms' },
        this.#profile(), this.#picture(), this.#email(), this.#password(),
        panel('Where you are logged in', this.#sessions), this.#codes(), panel('Discord', this.#discord), this.#end()));
    await Promise.all([this.#loadSessions(), this.#loadDiscord()]);
  }

  #profile() {
    const zones = element('datalist', { id: 'zones' },
      (Intl.supportedValuesOf?.('timeZone') ?? []).map((zone) => element('option', { value: zone })));
    return panel('Profile', zones, this.#saver({
      fields: [
        { name: 'name', label: 'DJ name', value: this.#account.name, hint: 'Shown to everybody in the queue.', maxlength: 40, autocomplete: 'nickname' },
        { name: 'timeZone', label: 'Time zone', value: this.#account.timeZone ?? '', hint: 'For times in mails; pages use your device’s.', list: 'zones', required: false, autocomplete: 'off' },
      ],
      action: 'Save', submit: async (values) => this.#on.changed(await api.changeAccount(values)),
    }));
  }

  #picture() {
    const message = element('div');
    const input = element('input', { type: 'file', accept: 'image/png,image/jpeg,image/webp', id: 'picture-file', class: 'visually-hidden' });
    const act = async (work) => {
      show(message, element('p', { class: 'placeholder' }, 'One moment…'));
      try {
        this.#on.changed(await work());
      } catch (error) {
        show(message, notice('bad', error.message));
      }
    };
    input.addEventListener('change', () => { if (input.files[0]) act(() => api.setPicture(input.files[0])); });
    const shown = this.#account.picture
      ? element('img', { class: 'picture', src: this.#account.picture, alt: 'Your picture', width: 128, height: 128 })
      : element('p', { class: 'placeholder' }, 'You have no picture yet.');
    return panel('Picture', shown, message, element('p', { class: 'field-hint' }, 'PNG, JPEG or WebP, at most 4 MiB. Its middle is cut to a square.'),
      element('p', { class: 'actions' }, input, element('label', { for: 'picture-file', class: 'button' }, 'Choose a picture'),
        this.#account.picture && element('button', { class: 'button', type: 'button', onclick: () => act(api.removePicture) }, 'Remove it')));
  }

  #email() {
    const message = element('div');
    const verify = element('button', { class: 'button button-small', type: 'button' }, 'Send a link to confirm it');
    verify.addEventListener('click', async () => {
      try {
        await api.requestVerification();
        show(message, notice('good', 'A mail with a link is on its way.'));
      } catch (error) {
        show(message, notice('bad', error.message));
      }
    });
    return panel('E-mail', element('p', {}, this.#account.email, ' ',
      element('span', { class: `badge ${this.#account.emailVerified ? 'badge-good' : 'badge-dim'}` }, this.#account.emailVerified ? 'confirmed' : 'not confirmed')),
    message, !this.#account.emailVerified && element('p', {}, verify),
    details('Change it', this.#saver({
      fields: [{ name: 'email', label: 'New e-mail', type: 'email', autocomplete: 'email' }, present],
      action: 'Change e-mail', submit: async (values) => {
        const { changed } = await api.changeEmail(values);
        if (changed) this.#on.changed(await api.me());
        else show(message, notice('good', 'Open the link in the mail to the new address: it holds from then on.'));
      },
    })));
  }

  #password() {
    return panel('Password', element('p', { class: 'field-hint' }, 'A new password logs every other browser out.'),
      details('Change it', this.#saver({
        fields: [present, { name: 'newPassword', label: 'New password', type: 'password', hint: '8 characters or more.', autocomplete: 'new-password' }],
        action: 'Change password', submit: async (values) => this.#on.changed(await api.changePassword(values)),
      })));
  }

  #codes() {
    const body = element('div');
    const draw = () => show(body, this.#account.secondFactor
      ? [element('p', {}, element('span', { class: 'badge badge-good' }, 'on'), ' A log-in asks for a code of your authenticator.'),
        details('Switch them off', this.#saver({ fields: [present], action: 'Switch off', submit: async ({ password }) => this.#on.changed(await api.removeCodes(password)) }))]
      : [element('p', {}, 'A second lock: your phone shows a new code every 30 seconds. Advised for operators and admins.'),
        details('Set them up', this.#saver({ fields: [present], action: 'Begin', submit: async ({ password }) => confirm(await api.beginCodes(password)) }))]);
    const confirm = (setup) => show(body,
      element('p', {}, 'Add this to your authenticator (an app such as Aegis, FreeOTP or Google Authenticator), then enter the code it shows.'),
      copyRow('Key for the app', setup.seed), element('p', {}, element('a', { href: setup.address }, 'Open it in an app on this device')),
      this.#saver({
        fields: [{ name: 'code', label: 'Code', inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: 7 }],
        action: 'Switch on', submit: async ({ code }) => this.#on.changed(await api.confirmCodes(code)),
      }));
    draw();
    return panel('One-time codes', body);
  }

  async #loadDiscord() {
    try {
      this.#drawDiscord(await api.discordLink());
    } catch (error) {
      show(this.#discord, notice('bad', error.message),
        element('button', { class: 'button button-small', type: 'button', onclick: () => this.#loadDiscord() }, 'Try again'));
    }
  }

  #drawDiscord(id, message) {
    const save = async (wanted, words) => {
      await api.linkDiscord(wanted);
      this.#drawDiscord(wanted, notice('good', words));
    };
    show(this.#discord, message, ...(id
      ? [element('p', {}, element('span', { class: 'badge badge-good' }, 'linked'), ' ', element('code', {}, id)),
        element('p', { class: 'field-hint' }, 'Where this channel tells Discord, you are mentioned there when you are next.'),
        form({ fields: [], action: 'Unlink it', kind: 'button-small', submit: () => save(null, 'It is unlinked: nobody mentions you.') })]
      : [element('p', {}, 'Link your Discord account and you are mentioned there when you are next. Without it nobody mentions you.'),
        this.#saver({
          fields: [{ name: 'id', label: 'Your Discord id', inputmode: 'numeric', maxlength: 20, autocomplete: 'off',
            hint: 'A number: in Discord switch on Settings → Advanced → Developer Mode, then choose “Copy User ID” on your own name.' }],
          action: 'Link it', submit: ({ id: entered }) => save(entered.trim(), 'It is linked.'),
        })]));
  }

  #end() {
    const message = element('div');
    const download = element('button', { class: 'button', type: 'button' }, 'Download my data');
    download.addEventListener('click', async () => {
      try {
        const text = JSON.stringify(await api.exportAccount(), null, 2);
        const link = element('a', { href: URL.createObjectURL(new Blob([text], { type: 'application/json' })), download: 'lineup-account.json' });
        link.click();
        URL.revokeObjectURL(link.href);
      } catch (error) {
        show(message, notice('bad', error.message));
      }
    });
    return panel('Your data', message, element('p', { class: 'actions' }, download),
      details('Delete my account', element('p', {}, 'Your address, keys, picture and name are gone at once, and a running stream ends.'), form({
        fields: [present], action: 'Delete my account', kind: 'button-danger', submit: async ({ password }) => {
          const agreed = await confirmed({ title: 'Delete your account?', text: 'This cannot be undone.', action: 'Delete it' });
          if (!agreed) return;
          await api.deleteAccount(password);
          this.#on.gone();
        },
      })));
  }

  /** A form that does not shout: several stand on the page. */
  #saver(options) {
    return form({ kind: '', ...options });
  }

  async #loadSessions() {
    try {
      const sessions = await api.sessions();
      const others = sessions.filter((session) => !session.current);
      show(this.#sessions, element('ul', { class: 'keys' }, sessions.map((session) => this.#session(session))),
        others.length > 0 && element('button', { class: 'button button-small', type: 'button', onclick: () => this.#endSessions(api.endOtherSessions) }, 'Log out everywhere else'));
    } catch (error) {
      show(this.#sessions, notice('bad', error.message));
    }
  }

  #session(session) {
    return element('li', {},
      element('div', { class: 'key-head' }, element('span', { class: 'key-name' }, browserName(session.agent)),
        session.current && element('span', { class: 'badge badge-good' }, 'this one')),
      element('p', { class: 'key-note' }, `${session.address ?? 'Unknown address'}. Last seen ${new Date(session.lastSeenAt).toLocaleString()}.`),
      !session.current && element('button', { class: 'button button-small', type: 'button', onclick: () => this.#endSessions(() => api.endSession(session.id)) }, 'Log out'));
  }

  async #endSessions(work) {
    try {
      await work();
    } catch (error) {
      show(this.#sessions, notice('bad', error.message));
      return;
    }
    await this.#loadSessions();
  }
}

function panel(title, ...children) {
  return element('section', { class: 'panel' }, element('h2', {}, title), ...children);
}

function details(title, ...children) {
  return element('details', {}, element('summary', {}, title), ...children);
}
