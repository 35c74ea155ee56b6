"use strict";

// The map and the model: turned, zoomed, moved and contoured again by hand.

const WHOLE_MAP_RADIUS = 24; // Å: up to this size everything is contoured at once
const LOCAL_RADIUS = 14; // Å: otherwise only so far from the centre, as in model-building programs

/** Colour "#rrggbb" of a CSS variable, as three numbers from 0 to 1. */
function cssColour(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16) / 255);
}

/** Rotation matrix, column-major, about the screen's x and y axes. */
function turn(aboutX, aboutY) {
  const [cx, sx, cy, sy] = [Math.cos(aboutX), Math.sin(aboutX), Math.cos(aboutY), Math.sin(aboutY)];
  return [cy, sx * sy, -cx * sy, 0, cx, sx, sy, -sx * cy, cx * cy];
}

function multiply(a, b) {
  const product = new Array(9).fill(0);
  for (let column = 0; column < 3; column++)
    for (let row = 0; row < 3; row++)
      for (let k = 0; k < 3; k++) product[3 * column + row] += a[3 * k + row] * b[3 * column + k];
  return product;
}

class MapView {
  constructor(figure, scene) {
    this.figure = figure;
    this.canvas = figure.querySelector("canvas");
    this.map = { ...scene, bytes: bytesFromBase64(scene.density) };
    this.atoms = scene.atoms;
    this.gl = this.canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
    if (!this.gl) throw new Error("no WebGL");
    this.shapes = { sticks: sticks(this.gl), balls: balls(this.gl), mesh: meshLines(this.gl) };
    this.gl.enable(this.gl.DEPTH_TEST);
    this.gl.enable(this.gl.SAMPLE_ALPHA_TO_COVERAGE); // smooth outlines of the balls
    this.controls = Object.fromEntries(
      ["level", "radius", "show-map", "show-model"].map((id) => [id, document.getElementById(`map-${id}`)]),
    );
    this.home();
    this.setModel();
    this.listen();
    this.contour();
  }

  /** Middle of the model, or of the box where there is none. */
  middle() {
    const { xyz } = this.atoms;
    if (this.map.kind === "model" && xyz.length)
      return [0, 1, 2].map((i) => xyz.reduce((sum, p) => sum + p[i], 0) / xyz.length);
    const { origin, steps, shape } = this.map;
    return [0, 1, 2].map((i) => origin[i] + shape.reduce((sum, n, axis) => sum + 0.5 * (n - 1) * steps[axis][i], 0));
  }

  /** Distance from the middle to the farthest atom (or corner of the box) plus a margin, Å. */
  extent() {
    const middle = this.middle();
    const far = (points) => Math.max(...points.map((p) => Math.hypot(...p.map((x, i) => x - middle[i]))));
    if (this.map.kind === "model" && this.atoms.xyz.length) return far(this.atoms.xyz) + 2.5;
    const { origin, steps, shape } = this.map;
    const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) =>
      origin.map((o, i) => o + shape.reduce((sum, n, axis) => sum + ((bits >> axis) & 1) * (n - 1) * steps[axis][i], 0)),
    );
    return far(corners);
  }

  home() {
    const extent = this.extent();
    const radius = extent <= WHOLE_MAP_RADIUS ? extent : LOCAL_RADIUS;
    this.rotation = turn(0.35, -0.5);
    this.centre = this.nearestAtom(this.middle(), extent > WHOLE_MAP_RADIUS);
    this.field = this.map.kind === "model" ? radius : 0.75 * radius; // half of the picture's shorter side, Å
    this.controls.radius.max = Math.ceil(extent);
    this.controls.radius.value = Math.ceil(radius);
    this.controls.level.value = 1.5;
  }

  nearestAtom(point, wanted) {
    if (!wanted || !this.atoms.xyz.length) return point;
    const distance = (p) => Math.hypot(...p.map((x, i) => x - point[i]));
    return this.atoms.xyz.reduce((best, p) => (distance(p) < distance(best) ? p : best));
  }

  colourOf(element) {
    const named = { C: "--atom-c", N: "--atom-n", O: "--atom-o", S: "--atom-s", P: "--atom-p", X: "--atom-peak" };
    return cssColour(named[element] ?? "--atom-other");
  }

  /** Fill the sticks and balls; called again when the colours change. */
  setModel() {
    const { xyz, elements, bonds } = this.atoms;
    const isModel = this.map.kind === "model";
    const radius = isModel ? 0.13 : 0.06;
    const bonded = new Set(bonds.flat());
    const colours = elements.map((element) => this.colourOf(element));
    const stickData = bonds.flatMap(([i, j]) => {
      const half = xyz[i].map((x, axis) => 0.5 * (x + xyz[j][axis]));
      return [...xyz[i], ...half, radius, ...colours[i], ...half, ...xyz[j], radius, ...colours[j]];
    });
    const ballData = xyz.flatMap((p, i) => {
      const size = isModel && bonded.has(i) ? radius : 0.24;
      return [...p, size, ...colours[i]];
    });
    this.shapes.sticks.set(new Float32Array(stickData));
    this.shapes.balls.set(new Float32Array(ballData));
  }

  /** Compute the mesh again for the present level, centre and radius. */
  contour() {
    const level = Number(this.controls.level.value);
    const radius = Number(this.controls.radius.value);
    const segments = contourMesh(this.map, level, this.centre, radius);
    this.shapes.mesh.set(segments);
    document.getElementById("map-level-text").textContent =
      `${level.toFixed(1)} r.m.s. = ${(level * this.map.rms).toFixed(2)} e/Å³`;
    document.getElementById("map-radius-text").textContent = `${radius} Å`;
    this.figure.dataset.segments = segments.length / 6;
    this.figure.dataset.level = level;
    this.draw();
  }

  draw() {
    const gl = this.gl;
    const density = window.devicePixelRatio || 1;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((n) => Math.round(n * density));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const background = cssColour("--map-background");
    const view = {
      rotation: this.rotation,
      centre: this.centre,
      viewport: [width, height],
      scale: (0.5 * Math.min(width, height)) / this.field,
      slab: Math.max(1.1 * Number(this.controls.radius.value), 6),
      background,
    };
    gl.viewport(0, 0, width, height);
    gl.clearColor(...background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (this.controls["show-model"].checked) {
      this.shapes.sticks.draw(view);
      this.shapes.balls.draw(view);
    }
    const mesh = { ...view, colour: cssColour("--mesh"), width: 1.1 * density };
    if (this.controls["show-map"].checked) this.shapes.mesh.draw(mesh);
    this.figure.dataset.rendered = "yes";
  }

  /** Printers take the last frame that was on screen, so the picture for paper is a copy. */
  copyForPaper() {
    const paper = this.figure.querySelector(".paper");
    paper.width = this.canvas.width;
    paper.height = this.canvas.height;
    paper.getContext("2d").drawImage(this.canvas, 0, 0);
  }

  later(what) {
    this.pending = this.pending === "contour" ? "contour" : what;
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      const job = this.pending;
      this.frame = this.pending = null;
      this[job]();
    });
  }

  rotate(dx, dy) {
    this.rotation = multiply(turn(0.008 * dy, 0.008 * dx), this.rotation);
    this.later("draw");
  }

  move(dx, dy) {
    const perPixel = (2 * this.field) / Math.min(this.canvas.clientWidth, this.canvas.clientHeight);
    const r = this.rotation;
    const shift = [-dx * perPixel, dy * perPixel];
    this.centre = this.centre.map((x, i) => x + r[3 * i] * shift[0] + r[3 * i + 1] * shift[1]);
    this.later("contour");
  }

  zoom(factor) {
    this.field = Math.min(200, Math.max(1.5, this.field * factor));
    this.later("draw");
  }

  changeLevel(by) {
    this.controls.level.value = Number(this.controls.level.value) + by;
    this.later("contour");
  }

  /** Centre on the front-most atom within ten pixels of a click, and say which it is. */
  pick(event) {
    const frame = this.canvas.getBoundingClientRect();
    const scale = Math.min(frame.width, frame.height) / (2 * this.field);
    const target = [event.clientX - frame.left - 0.5 * frame.width, 0.5 * frame.height - (event.clientY - frame.top)];
    const r = this.rotation;
    let best = null;
    this.atoms.xyz.forEach((p, i) => {
      const d = p.map((x, axis) => x - this.centre[axis]);
      const [x, y, z] = [0, 1, 2].map((row) => r[row] * d[0] + r[3 + row] * d[1] + r[6 + row] * d[2]);
      if (Math.hypot(scale * x - target[0], scale * y - target[1]) > 10) return;
      if (!best || z > best.z) best = { i, z };
    });
    if (!best) return;
    this.centre = this.atoms.xyz[best.i];
    document.getElementById("map-atom").textContent = this.atoms.labels[best.i] ?? this.atoms.elements[best.i];
    this.later("contour");
  }

  listen() {
    const { canvas, controls } = this;
    controls.level.addEventListener("input", () => this.later("contour"));
    controls.radius.addEventListener("input", () => this.later("contour"));
    controls["show-map"].addEventListener("change", () => this.later("draw"));
    controls["show-model"].addEventListener("change", () => this.later("draw"));
    document.getElementById("map-home").addEventListener("click", () => {
      this.home();
      this.later("contour");
    });
    document.getElementById("map-in").addEventListener("click", () => this.zoom(0.8));
    document.getElementById("map-out").addEventListener("click", () => this.zoom(1.25));
    this.listenToPointer();
    canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.later("draw")).observe(canvas);
    document.addEventListener("themechange", () => {
      this.setModel();
      this.draw();
      this.copyForPaper();
    });
  }

  listenToPointer() {
    const { canvas } = this;
    const pointers = new Map();
    const spread = () => {
      const [a, b] = [...pointers.values()];
      return Math.hypot(a.x - b.x, a.y - b.y);
    };
    let travelled = 0;
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      travelled = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
      const spreadBefore = pointers.size === 2 ? spread() : 0;
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      travelled += Math.abs(dx) + Math.abs(dy);
      if (pointers.size === 2) this.zoom(spreadBefore / Math.max(spread(), 1));
      else if (event.shiftKey || event.buttons > 1) this.move(dx, dy);
      else this.rotate(dx, dy);
    });
    const end = (event) => {
      if (pointers.delete(event.pointerId) && travelled < 4 && event.type === "pointerup") this.pick(event);
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  wheel(event) {
    if (document.activeElement !== this.canvas) return; // the page scrolls until the map is clicked
    event.preventDefault();
    const delta = event.deltaY || event.deltaX;
    if (event.shiftKey) this.changeLevel(delta < 0 ? 0.1 : -0.1);
    else this.zoom(Math.exp(Math.max(-60, Math.min(60, delta)) * 0.003));
  }

  key(event) {
    const actions = {
      ArrowLeft: () => this.rotate(-20, 0),
      ArrowRight: () => this.rotate(20, 0),
      ArrowUp: () => this.rotate(0, -20),
      ArrowDown: () => this.rotate(0, 20),
      "+": () => this.zoom(0.9),
      "-": () => this.zoom(1.11),
      "[": () => this.changeLevel(-0.1),
      "]": () => this.changeLevel(0.1),
    };
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }
}

(function start() {
  const figure = document.getElementById("map-figure");
  if (!figure) return;
  try {
    window.mapView = new MapView(figure, JSON.parse(document.getElementById("map-data").textContent));
  } catch (error) {
    figure.dataset.rendered = "no";
    figure.classList.add("unavailable");
    document.getElementById("map-unavailable").hidden = false;
    console.warn(`The map cannot be drawn here: ${error.message}`);
  }
})();
