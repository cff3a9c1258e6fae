// The pages work without this file; it adds what HTML alone cannot do.
"use strict";

const one = (mark, within = document) => within.querySelector(mark);
const all = (mark, within = document) => [...within.querySelectorAll(mark)];
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const wordsOf = (element) => JSON.parse(element.dataset.words);

const sizeOf = (bytes) =>
  bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

// What is inside a file decides, as on the server; its name says nothing.
const MARKS = {
  PNG: ["89504e470d0a1a0a"],
  JPEG: ["ffd8ff"],
  TIFF: ["49492a00", "4d4d002a", "49492b00", "4d4d002b"],
};
const DICOM = "4449434d"; // behind a preamble of 128 bytes
const hex = (bytes) => bytes.reduce((text, one) => text + one.toString(16).padStart(2, "0"), "");

// "" for what is no scan, null for what cannot be read.
async function kindOf(file) {
  try {
    const start = hex(new Uint8Array(await file.slice(0, 132).arrayBuffer()));
    if (start.slice(256) === DICOM) return "DICOM";
    const fits = ([, marks]) => marks.some((mark) => start.startsWith(mark));
    return (Object.entries(MARKS).find(fits) || [""])[0];
  } catch {
    return null;
  }
}

const isHidden = (name) => name.startsWith(".");

async function filesWithin(entry) {
  if (isHidden(entry.name)) return [];
  if (entry.isFile) return [await new Promise((done, fail) => entry.file(done, fail))];
  const reader = entry.createReader();
  const found = [];
  for (let some; !some || some.length; found.push(...some)) {
    some = await new Promise((done, fail) => reader.readEntries(done, fail));
  }
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  return (await Promise.all(found.map(filesWithin))).flat();
}

// Files and folders that were dropped; a browser forgets them with the event.
function dropped(given) {
  const items = [...given.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() || null);
  const loose = items.map((item, k) => !entries[k]?.isDirectory && item.getAsFile());
  return { files: loose.filter(Boolean), folders: entries.filter((one) => one?.isDirectory) };
}

function make(tag, name, text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

// Times are sent in UTC and shown as on this machine's clock.
function localizeTimes() {
  const shape = { dateStyle: "medium", timeStyle: "short" };
  const write = new Intl.DateTimeFormat(document.documentElement.lang, shape);
  for (const time of all("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = time.textContent;
    time.textContent = write.format(moment);
  }
}

// Forms that destroy something ask first.
function askFirst() {
  const dialog = one("[data-dialog]");
  if (!dialog) return;
  const agree = one("[data-yes]", dialog);
  const usual = agree.textContent;
  for (const form of all("form[data-ask]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      one("#ask").textContent = form.dataset.ask;
      agree.textContent = form.dataset.yes || usual;
      dialog.returnValue = "no";
      dialog.onclose = () => dialog.returnValue === "yes" && form.submit();
      dialog.showModal();
    });
  }
}

// Waiting: ask for the state, then load the page again.
async function stateOf(place) {
  try {
    const answer = await fetch(place, { headers: { accept: "application/json" } });
    if (answer.status === 401 || answer.status === 404) location.reload();
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // the server is away; asked again
  }
}

async function waitForStudy(panel) {
  const words = wordsOf(panel);
  const status = one("[data-status]", panel);
  const told = one("[data-told]", panel);
  const general = told.textContent;
  for (let asked = 0; ; asked += 1) {
    await pause(asked < 100 ? 300 : 1000);
    const state = await stateOf(panel.dataset.wait);
    if (!state) continue;
    if (!["queued", "running"].includes(state.status)) break;
    const said = words[`state_${state.status}`];
    if (status.textContent !== said) status.textContent = said;
    const queue = words.js_in_queue.replace("{waiting}", state.waiting);
    told.textContent = state.waiting > 1 ? `${general} ${queue}` : general;
  }
  location.reload();
}

async function waitForBatch(panel) {
  const total = one("progress", panel).max;
  for (;;) {
    await pause(1000);
    const counts = await stateOf(panel.dataset.batchWait);
    if (!counts) continue;
    const waiting = counts.queued + counts.running;
    one("progress", panel).value = total - waiting;
    one("[data-done]", panel).textContent = `${total - waiting} / ${total}`;
    for (const cell of all("[data-status]", panel)) {
      cell.textContent = counts[cell.dataset.status];
    }
    if (!waiting) break;
  }
  location.reload();
}

// What did not become a study is told on the page of its batch, as long as the tab lives.
const placeOf = (batch) => `left-out ${batch}`;

function tellLeftOut(note) {
  note.textContent = sessionStorage.getItem(placeOf(note.dataset.leftOut)) || "";
  note.hidden = !note.textContent;
}

// Upload: several files, each by itself, two at a time.
class Upload {
  constructor(form) {
    this.form = form;
    this.words = wordsOf(form);
    this.chosen = [];
    this.left = [];
    this.sorted = Promise.resolve();
    this.busy = false;
    this.input = one("#file", form);
    this.input.multiple = true;
    this.input.required = false;
    one("[data-folder]", form).hidden = !("webkitdirectory" in this.input);
    this.listen();
  }

  listen() {
    const drop = one("[data-drop]", this.form);
    for (const input of all("input[type=file]", this.form)) {
      input.addEventListener("change", () => {
        this.add([...input.files], input.webkitdirectory);
        input.value = "";
      });
    }
    for (const name of ["dragenter", "dragover"]) {
      addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("over");
      });
    }
    addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) drop.classList.remove("over");
    });
    addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      const { files, folders } = dropped(event.dataTransfer);
      this.add(files);
      for (const folder of folders) this.add(filesWithin(folder), true);
    });
    addEventListener("paste", (event) => this.add([...event.clipboardData.files]));
    one("[data-clear]", this.form).addEventListener("click", () => this.clear());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
  }

  warn(text) {
    const warning = one("[data-warning]", this.form);
    warning.textContent = text;
    warning.hidden = !text;
  }

  // One after the other, so that they stand in their order.
  add(files, ofFolder = false) {
    if (this.busy) return;
    this.sorted = this.sorted.then(() => this.sort(files, ofFolder));
  }

  async sort(given, ofFolder) {
    const files = await Promise.resolve(given).catch(() => []);
    if (!files.length && !ofFolder) return;
    this.warn("");
    const before = this.chosen.length;
    for (const file of files) await this.choose(file, ofFolder);
    if (this.chosen.length === before) this.warn(this.words.js_none_within);
    this.refresh();
  }

  async choose(file, ofFolder) {
    const steps = file.webkitRelativePath.split("/");
    if (ofFolder && (steps.some(isHidden) || isHidden(file.name))) return;
    const kind = await kindOf(file);
    if (ofFolder && (!kind || file.name.toUpperCase() === "DICOMDIR")) {
      this.left.push(file.name);
      return;
    }
    const entry = { file, key: crypto.randomUUID(), state: "new" };
    this.chosen.push(entry);
    this.show(entry, kind || "");
    const why = kind ? "" : kind === null ? "E_OTHER" : file.size ? "E_FORMAT" : "E_EMPTY";
    if (why) this.mark(entry, "failed", this.words[why]);
    else if (file.size > Number(this.form.dataset.largest)) {
      this.mark(entry, "failed", this.words.js_large);
    }
  }

  // What a folder holds beside scans, with the first names.
  leftOut() {
    if (!this.left.length) return "";
    const names = this.left.slice(0, 3).join(", ") + (this.left.length > 3 ? ", …" : "");
    return this.words.js_left_out.replace("{n}", this.left.length).replace("{names}", () => names);
  }

  show(entry, kind) {
    const row = make("li");
    const shown = ["PNG", "JPEG"].includes(kind);
    const thumb = make(shown ? "img" : "span", "thumb", shown ? "" : kind);
    if (shown) {
      thumb.alt = "";
      thumb.src = URL.createObjectURL(entry.file);
      thumb.onload = thumb.onerror = () => URL.revokeObjectURL(thumb.src);
    }
    const middle = make("div");
    entry.what = make("span", "what", sizeOf(entry.file.size));
    middle.append(make("bdi", "", entry.file.name), make("br"), entry.what);
    const remove = make("button", "quiet", this.words.js_remove);
    remove.type = "button";
    remove.setAttribute("aria-label", `${this.words.js_remove}: ${entry.file.name}`);
    remove.addEventListener("click", () => this.remove(entry));
    row.append(thumb, middle, remove);
    Object.assign(entry, { row, middle, remover: remove });
    one("[data-list]", this.form).append(row);
  }

  mark(entry, state, text) {
    entry.state = state;
    entry.row.className = state;
    entry.what.textContent = text;
  }

  remove(entry) {
    const place = this.chosen.indexOf(entry);
    this.chosen.splice(place, 1);
    entry.row.remove();
    this.refresh();
    const next = this.chosen[Math.min(place, this.chosen.length - 1)];
    (next ? next.remover : this.input).focus();
  }

  clear() {
    this.chosen = [];
    this.left = [];
    one("[data-list]", this.form).replaceChildren();
    this.warn("");
    this.refresh();
    this.input.focus();
  }

  refresh() {
    const some = this.chosen.length > 0;
    this.form.classList.toggle("filled", some);
    one("[data-chosen]", this.form).hidden = !some;
    one("[data-clear]", this.form).hidden = !some && !this.left.length;
    const left = one("[data-left]", this.form);
    left.textContent = this.leftOut();
    left.hidden = !left.textContent;
    one("[data-count]", this.form).textContent = `(${this.chosen.length})`;
    one("[data-advance]", this.form).hidden = !this.busy;
    for (const button of all("button, input[type=file]", this.form)) button.disabled = this.busy;
  }

  async send() {
    await this.sorted;
    const ready = this.chosen.filter((entry) => entry.state === "new");
    if (!ready.length) {
      this.warn(this.words.js_nothing);
      this.input.focus();
      return;
    }
    this.warn("");
    this.busy = true;
    this.batch = this.batch || (ready.length > 1 || this.left.length ? crypto.randomUUID() : "");
    this.refresh();
    const waiting = [...ready];
    const lane = async () => {
      for (let entry; (entry = waiting.shift()); ) {
        await this.deliver(entry);
        this.advance(ready);
      }
    };
    await Promise.all([lane(), lane()]);
    this.busy = false;
    this.refresh();
    this.finish();
  }

  advance(ready) {
    const done = ready.filter((entry) => entry.state !== "new").length;
    const bar = one("#advance");
    bar.max = ready.length;
    bar.value = done;
    one("[data-told]", this.form).textContent = `${this.words.js_sending}: ${done} / ${ready.length}`;
  }

  async deliver(entry) {
    for (let tries = 0; tries < 200; tries += 1) {
      entry.what.textContent = this.words.js_sending;
      const answer = await this.post(entry);
      if (answer.status === 201) {
        entry.study = answer.told.id;
        this.mark(entry, "sent", this.words.js_sent);
        return;
      }
      if (answer.status !== 503) {
        this.mark(entry, "failed", this.reason(answer));
        if (!answer.status || answer.status >= 500) entry.state = "new"; // try again
        return;
      }
      entry.what.textContent = this.words.js_waiting;
      await pause(1000 * clamp(Number(answer.wait) || 2, 1, 30));
    }
    this.mark(entry, "failed", this.words.advice_503);
    entry.state = "new";
  }

  reason({ status, told }) {
    if (!status) return this.words.js_offline;
    const known = this.words[`advice_${status}`] || this.words.advice_500;
    if (this.words[told.code]) return this.words[told.code];
    return status === 422 && told.detail ? `${known} ${told.detail}` : known;
  }

  post(entry) {
    const bar = make("progress");
    bar.max = 1;
    bar.setAttribute("aria-label", `${this.words.js_sending}: ${entry.file.name}`);
    const body = new FormData();
    body.append("csrf", one("[name=csrf]", this.form).value);
    if (this.batch) body.append("batch", this.batch);
    body.append("file", entry.file, entry.file.name);
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("POST", this.form.action);
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("Idempotency-Key", entry.key);
      request.responseType = "json";
      request.upload.onprogress = (event) => {
        if (event.total) bar.value = event.loaded / event.total;
      };
      request.onloadend = () => {
        bar.remove();
        const wait = request.getResponseHeader("retry-after");
        done({ status: request.status, told: request.response || {}, wait });
      };
      entry.middle.append(bar);
      request.send(body);
    });
  }

  finish() {
    const sent = this.chosen.filter((entry) => entry.state === "sent");
    const place = this.batch ? `/batches/${this.batch}` : sent.length && `/studies/${sent[0].study}`;
    this.note();
    if (sent.length && sent.length === this.chosen.length) {
      location.assign(place);
      return;
    }
    if (sent.length) {
      const link = one("[data-batch]", this.form);
      link.href = place;
      link.hidden = false;
    }
    this.warn(this.words.js_some_failed);
    this.follow(sent);
  }

  // Keep what was left out for the page of the batch.
  note() {
    const failed = this.chosen.filter((entry) => entry.state === "failed");
    const told = failed.slice(0, 3).map((one) => `${one.file.name}: ${one.what.textContent}`);
    const more = failed.length > 3 ? [`… (${failed.length})`] : [];
    const lines = [this.leftOut(), ...told, ...more].filter(Boolean);
    if (this.batch && lines.length) sessionStorage.setItem(placeOf(this.batch), lines.join("\n"));
  }

  // What was sent is not yet read: say of each what became of it, the oldest first.
  async follow(sent) {
    for (const entry of sent) {
      let state = null;
      while (!state || ["queued", "running"].includes(state.status)) {
        await pause(1000);
        state = await stateOf(`/studies/${entry.study}/state`);
      }
      const isRead = state.status === "done";
      const why = this.words[state.code] || this.words.E_OTHER;
      this.mark(entry, isRead ? "read" : "failed", isRead ? this.words.js_read : why);
    }
  }
}

// Viewer: heatmap, boxes, zoom, window and level.
class Viewer {
  constructor(root) {
    this.root = root;
    this.plate = one("[data-plate]", root);
    this.sheet = one("[data-sheet]", root);
    this.fingers = new Map();
    this.fit();
    this.listen();
    this.showStage();
    this.showWindow();
  }

  listen() {
    const on = (mark, name, act) => {
      for (const element of all(mark, this.root)) element.addEventListener(name, act);
    };
    on("[data-stage], [data-show-boxes], [data-opacity]", "input", () => this.showStage());
    on("[data-width], [data-level], [data-invert]", "input", () => this.showWindow());
    on("[data-reset]", "click", () => this.reset());
    on("[data-zoom]", "click", (event) => {
      const what = event.currentTarget.dataset.zoom;
      if (what === "fit") this.fit();
      else this.zoom(what === "in" ? 1.25 : 0.8);
    });
    this.plate.addEventListener("keydown", (event) => this.press(event));
    this.plate.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.plate.addEventListener("dblclick", () => this.fit());
    this.plate.addEventListener("pointerdown", (event) => this.touch(event));
    this.plate.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) {
      this.plate.addEventListener(name, (event) => this.release(event));
    }
    addEventListener("resize", () => this.move(0, 0));
  }

  fit() {
    Object.assign(this, { scale: 1, x: 0, y: 0 });
    this.draw();
  }

  // The place (x, y) of the plate, its middle if not given, stays where it is.
  zoom(factor, x = this.plate.clientWidth / 2, y = this.plate.clientHeight / 2) {
    const scale = clamp(this.scale * factor, 1, 12);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.move(0, 0);
  }

  move(right, down) {
    const { clientWidth: width, clientHeight: height } = this.plate;
    this.x = clamp(this.x + right, width * (1 - this.scale), 0);
    this.y = clamp(this.y + down, height * (1 - this.scale), 0);
    this.draw();
  }

  draw() {
    this.sheet.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.plate.classList.toggle("zoomed", this.scale > 1);
    one("[data-zoomed]", this.root).textContent = `${Math.round(100 * this.scale)} %`;
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.plate) return;
    const acts = {
      "+": () => this.zoom(1.25),
      "=": () => this.zoom(1.25),
      "-": () => this.zoom(0.8),
      0: () => this.fit(),
      ArrowLeft: () => this.move(40, 0),
      ArrowRight: () => this.move(-40, 0),
      ArrowUp: () => this.move(0, 40),
      ArrowDown: () => this.move(0, -40),
    };
    const act = acts[event.key];
    if (!act || (event.key.startsWith("Arrow") && this.scale === 1)) return;
    event.preventDefault();
    act();
  }

  wheel(event) {
    if (this.scale === 1 && event.deltaY > 0) return; // the page scrolls on
    event.preventDefault();
    const { left, top } = this.plate.getBoundingClientRect();
    const factor = Math.exp(-clamp(event.deltaY, -100, 100) / 400);
    this.zoom(factor, event.clientX - left, event.clientY - top);
  }

  touch(event) {
    if (event.target.closest(".zoom")) return;
    this.plate.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, event);
    this.plate.classList.add("dragged");
  }

  drag(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const other = [...this.fingers.values()].find((one) => one.pointerId !== event.pointerId);
    this.fingers.set(event.pointerId, event);
    if (!other) {
      this.move(event.clientX - before.clientX, event.clientY - before.clientY);
      return;
    }
    const apart = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
    const { left, top } = this.plate.getBoundingClientRect();
    const x = (event.clientX + other.clientX) / 2 - left;
    const y = (event.clientY + other.clientY) / 2 - top;
    this.zoom(apart(event) / Math.max(apart(before), 1), x, y);
  }

  release(event) {
    this.fingers.delete(event.pointerId);
    this.plate.classList.toggle("dragged", this.fingers.size > 0);
  }

  showStage() {
    const chosen = one("[data-stage]:checked", this.root);
    const slider = one("[data-opacity]", this.root);
    if (!chosen) return;
    const boxes = one("[data-show-boxes]", this.root).checked;
    for (const heat of all("[data-heat]", this.root)) {
      heat.hidden = heat.dataset.heat !== chosen.value;
      heat.style.opacity = slider.value / 100;
    }
    for (const drawn of all("[data-boxes]", this.root)) {
      drawn.toggleAttribute("hidden", drawn.dataset.boxes !== chosen.value || !boxes);
    }
    for (const about of all("[data-about]", this.root)) {
      about.hidden = about.dataset.about !== chosen.value;
    }
    this.tell(slider);
  }

  showWindow() {
    const [width, level] = ["width", "level"].map((name) => one(`[data-${name}]`, this.root));
    const inverted = one("[data-invert]", this.root).checked;
    const slope = 100 / width.value;
    const start = 0.5 - (slope * level.value) / 100;
    for (const part of all("#window feComponentTransfer > *", this.root)) {
      part.setAttribute("slope", inverted ? -slope : slope);
      part.setAttribute("intercept", inverted ? 1 - start : start);
    }
    const plain = slope === 1 && start === 0 && !inverted;
    one("[data-scan]", this.root).style.filter = plain ? "" : "url(#window)";
    this.tell(width);
    this.tell(level);
  }

  tell(slider) {
    one(`output[for=${slider.id}]`, this.root).textContent = `${slider.value} %`;
    slider.setAttribute("aria-valuetext", `${slider.value} %`);
  }

  reset() {
    for (const slider of all("input[type=range]", this.root)) slider.value = slider.defaultValue;
    for (const choice of all("input[type=radio], input[type=checkbox]", this.root)) {
      choice.checked = choice.defaultChecked;
    }
    this.fit();
    this.showStage();
    this.showWindow();
  }
}

localizeTimes();
askFirst();
if (one("body.outside")) sessionStorage.clear();
for (const note of all("[data-left-out]")) tellLeftOut(note);
for (const panel of all("[data-wait]")) waitForStudy(panel);
for (const panel of all("[data-batch-wait]")) waitForBatch(panel);
for (const form of all("[data-upload]")) new Upload(form);
for (const root of all("[data-viewer]")) new Viewer(root);
