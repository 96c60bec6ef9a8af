// Dark or light: as the system says, until somebody chooses here. Loaded by every page but the overlays.

import { element } from './dom.js';
import { nextTheme, themeOf } from './theme-model.js';

const KEY = 'lineup-theme';
const system = matchMedia('(prefers-color-scheme: light)');
let chosen = read();

function read() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function apply() {
  document.documentElement.dataset.theme = themeOf(chosen, system.matches);
}

apply();
system.addEventListener('change', apply);

const footer = document.querySelector('.site-footer');
if (footer) {
  const button = element('button', { class: 'theme-toggle', type: 'button' });
  const name = () => { button.textContent = themeOf(chosen, system.matches) === 'light' ? 'Dark colours' : 'Light colours'; };
  button.addEventListener('click', () => {
    chosen = nextTheme(chosen, system.matches);
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // Kept for this page only.
    }
    apply();
    name();
  });
  name();
  system.addEventListener('change', name);
  footer.append(element('p', {}, button));
}
