'use strict';
(() => {
  const root = document.documentElement;
  const all = (what, from = document) => [...from.querySelectorAll(what)];
  const one = (id) => document.getElementById(id);

  // Light and dark: the system setting, until the user chooses.
  const remembered = {
    get() { try { return localStorage.getItem('nfv-theme'); } catch { return null; } },
    set(value) { try { localStorage.setItem('nfv-theme', value); } catch { /* file: without storage */ } },
  };
  const system = matchMedia('(prefers-color-scheme: dark)');
  const button = one('theme');
  const dark = () => (root.dataset.theme || (system.matches ? 'dark' : 'light')) === 'dark';
  const label = () => { button.textContent = dark() ? 'Light theme' : 'Dark theme'; };
  const saved = remembered.get();
  if (saved === 'dark' || saved === 'light') root.dataset.theme = saved;
  button.hidden = false;
  label();
  system.addEventListener('change', label);
  button.addEventListener('click', () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    remembered.set(root.dataset.theme);
    label();
  });

  // In large clouds the details of a host are compressed until they are opened.
  const expand = async (box) => {
    const bytes = Uint8Array.from(atob(box.dataset.packed), (one) => one.charCodeAt(0));
    delete box.dataset.packed;
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    box.innerHTML = await new Response(stream).text();
  };
  document.addEventListener('toggle', (event) => {
    const box = event.target.open && event.target.querySelector('[data-packed]');
    if (box) expand(box);
  }, true);

  // A link to a host opens it.
  const reveal = () => {
    const target = /^#h\d+$/.test(location.hash) && one(location.hash.slice(1));
    if (!target) return;
    target.open = true;
    target.querySelector('summary').focus({ preventScroll: true });
    target.scrollIntoView();
  };
  addEventListener('hashchange', reveal);
  reveal();
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#h"]');
    // The hash does not change when the same link is followed twice.
    if (link && link.hash === location.hash) reveal();
  });
  if (!document.querySelector('[data-packed]')) {
    addEventListener('beforeprint', () => all('details').forEach((d) => { d.open = true; }));
  }

  // Heat map.
  const store = one('heat-data');
  if (store) {
    const resources = JSON.parse(store.textContent);
    const cells = all('.heat .c');
    const readout = one('readout');
    const choices = one('resources');
    const show = (resource) => {
      for (const cell of cells) {
        const [host, place] = cell.dataset.at.split(',');
        const [free, total, level, short] = resource.cells[host][place];
        cell.className = `c ${level === null ? 'qn' : `q${level}`}`;
        cell.textContent = short;
        cell.setAttribute('aria-label', `${cell.dataset.of}: ${free} of ${total} ${resource.name} free`);
      }
      for (const what of all('.heat .what')) what.textContent = resource.name;
      readout.textContent = '';
    };
    choices.hidden = false;
    choices.addEventListener('change', (event) => show(resources[event.target.value]));
    const chosen = choices.querySelector(':checked');
    if (chosen && chosen.value !== '0') show(resources[chosen.value]);
    const read = (event) => {
      const cell = event.target.closest('.c');
      if (cell) readout.textContent = cell.getAttribute('aria-label');
    };

    for (const table of all('.heat')) {
      // The Tab key stops once per table; arrow keys move inside.
      const grid = all('tbody tr', table).map((row) => all('.c', row)).filter((row) => row.length);
      const mine = grid.flat();
      if (!mine.length) continue;
      table.setAttribute('role', 'grid');
      const stop = (cell) => {
        for (const other of mine) other.tabIndex = other === cell ? 0 : -1;
      };
      stop(mine[0]);
      table.addEventListener('focusin', (event) => { read(event); stop(event.target); });
      table.addEventListener('mouseover', read);
      table.addEventListener('keydown', (event) => {
        const y = grid.findIndex((row) => row.includes(event.target));
        if (y < 0) return;
        const x = grid[y].indexOf(event.target);
        const to = {
          ArrowLeft: [y, x - 1], ArrowRight: [y, x + 1],
          ArrowUp: [y - 1, x], ArrowDown: [y + 1, x],
          Home: [y, 0], End: [y, grid[y].length - 1],
        }[event.key];
        if (!to) return;
        event.preventDefault();
        const row = grid[Math.min(Math.max(to[0], 0), grid.length - 1)];
        row[Math.min(Math.max(to[1], 0), row.length - 1)].focus();
      });
    }
  }

  // Tables that can be sorted.
  const value = (row, place) => {
    const text = row.cells[place].textContent.trim();
    const number = Number(text);
    return text !== '' && !Number.isNaN(number) ? number : text;
  };
  const compare = (a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    // Unknown values come last.
    if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  for (const table of all('table.sorted')) {
    const heads = all('thead th', table);
    heads.forEach((head, place) => {
      const sorter = document.createElement('button');
      sorter.type = 'button';
      sorter.append(...head.childNodes);
      head.append(sorter);
      sorter.addEventListener('click', () => {
        const up = head.getAttribute('aria-sort') !== 'ascending';
        for (const other of heads) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        const body = table.tBodies[0];
        const rows = [...body.rows];
        rows.sort((a, b) => (up ? 1 : -1) * compare(value(a, place), value(b, place)));
        body.append(...rows);
      });
    });
  }
})();
