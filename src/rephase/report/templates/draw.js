"use strict";

// Drawing with WebGL 2: contour lines of constant width, sticks and balls, orthographic, with depth cueing.

const VIEW_UNIFORMS = `
uniform mat3 rotation;   // Cartesian to screen, z towards the viewer
uniform vec3 centre;     // Å
uniform float scale;     // pixels per Å
uniform vec2 viewport;   // pixels
uniform float slab;      // half depth of what is shown, Å
vec3 toView(vec3 xyz) { return rotation * (xyz - centre); }
vec4 toClip(vec2 pixels, float z) { return vec4(2.0 * pixels / viewport, -z / slab, 1.0); }
`;

const SHADE = `
uniform vec3 background;
uniform float slab;
vec3 depthCued(vec3 colour, float z) {
  return mix(colour, background, 0.8 * clamp(0.45 - 0.55 * z / slab, 0.0, 1.0));
}
vec3 lit(vec3 colour, vec3 normal) {
  vec3 light = normalize(vec3(-0.4, 0.6, 0.8));
  float diffuse = max(dot(normal, light), 0.0);
  float shine = pow(max(dot(normal, normalize(light + vec3(0.0, 0.0, 1.0))), 0.0), 40.0);
  return colour * (0.45 + 0.6 * diffuse) + 0.25 * shine;
}
`;

const LINE_VERTEX = `#version 300 es
${VIEW_UNIFORMS}
uniform float width;
layout(location = 0) in vec3 first;
layout(location = 1) in vec3 second;
out float depth;
void main() {
  vec3 a = toView(first);
  vec3 b = toView(second);
  vec2 along = (b.xy - a.xy) * scale;
  vec2 across = length(along) > 1e-4 ? normalize(vec2(-along.y, along.x)) : vec2(1.0, 0.0);
  vec3 end = (gl_VertexID & 1) == 0 ? a : b;
  float side = gl_VertexID < 2 ? -0.5 : 0.5;
  depth = end.z;
  gl_Position = toClip(end.xy * scale + side * width * across, end.z);
}`;

const LINE_FRAGMENT = `#version 300 es
precision highp float;
${SHADE}
uniform vec3 colour;
in float depth;
out vec4 fragment;
void main() { fragment = vec4(depthCued(colour, depth), 1.0); }`;

const BALL_VERTEX = `#version 300 es
${VIEW_UNIFORMS}
layout(location = 0) in vec3 position;
layout(location = 1) in float radius;
layout(location = 2) in vec3 colour;
out vec2 corner;
out vec3 ballColour;
out float ballZ;
out float ballRadius;
void main() {
  corner = vec2((gl_VertexID & 1) == 0 ? -1.0 : 1.0, gl_VertexID < 2 ? -1.0 : 1.0);
  vec3 p = toView(position);
  ballColour = colour;
  ballZ = p.z;
  ballRadius = radius;
  gl_Position = toClip((p.xy + radius * corner) * scale, p.z);
}`;

const BALL_FRAGMENT = `#version 300 es
precision highp float;
${SHADE}
in vec2 corner;
in vec3 ballColour;
in float ballZ;
in float ballRadius;
out vec4 fragment;
void main() {
  float r = length(corner);
  float coverage = clamp((1.0 - r) / fwidth(r) + 0.5, 0.0, 1.0);
  if (coverage == 0.0) discard;
  vec3 normal = vec3(corner, sqrt(max(1.0 - r * r, 0.0)));
  float z = ballZ + ballRadius * normal.z;
  gl_FragDepth = 0.5 - 0.5 * z / slab;
  fragment = vec4(depthCued(lit(ballColour, normal), z), coverage);
}`;

const STICK_VERTEX = `#version 300 es
${VIEW_UNIFORMS}
layout(location = 0) in vec3 first;
layout(location = 1) in vec3 second;
layout(location = 2) in float radius;
layout(location = 3) in vec3 colour;
out vec3 stickColour;
out vec3 stickNormal;
out float depth;
void main() {
  vec3 a = toView(first);
  vec3 b = toView(second);
  vec3 axis = normalize(b - a);
  vec3 helper = abs(axis.z) < 0.9 ? vec3(0.0, 0.0, 1.0) : vec3(1.0, 0.0, 0.0);
  vec3 e1 = normalize(cross(axis, helper));
  vec3 e2 = cross(axis, e1);
  float angle = 6.2831853 * float(gl_VertexID >> 1) / 12.0;
  stickNormal = cos(angle) * e1 + sin(angle) * e2;
  vec3 p = ((gl_VertexID & 1) == 0 ? a : b) + radius * stickNormal;
  stickColour = colour;
  depth = p.z;
  gl_Position = toClip(p.xy * scale, p.z);
}`;

const STICK_FRAGMENT = `#version 300 es
precision highp float;
${SHADE}
in vec3 stickColour;
in vec3 stickNormal;
in float depth;
out vec4 fragment;
void main() { fragment = vec4(depthCued(lit(stickColour, normalize(stickNormal)), depth), 1.0); }`;

/** One kind of shape drawn many times; `layout` gives the number of floats of each per-shape attribute. */
class Shapes {
  constructor(gl, vertexSource, fragmentSource, layout, verticesEach) {
    this.gl = gl;
    this.program = linkProgram(gl, vertexSource, fragmentSource);
    this.verticesEach = verticesEach;
    this.count = 0;
    this.floatsEach = layout.reduce((sum, n) => sum + n, 0);
    this.buffer = gl.createBuffer();
    this.attributes = gl.createVertexArray();
    gl.bindVertexArray(this.attributes);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    let offset = 0;
    layout.forEach((n, location) => {
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, n, gl.FLOAT, false, 4 * this.floatsEach, 4 * offset);
      gl.vertexAttribDivisor(location, 1);
      offset += n;
    });
  }

  set(array) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, array, this.gl.DYNAMIC_DRAW);
    this.count = array.length / this.floatsEach;
  }

  draw(uniforms) {
    if (this.count === 0) return;
    this.gl.useProgram(this.program);
    for (const [name, value] of Object.entries(uniforms)) this.setUniform(name, value);
    this.gl.bindVertexArray(this.attributes);
    this.gl.drawArraysInstanced(this.gl.TRIANGLE_STRIP, 0, this.verticesEach, this.count);
  }

  setUniform(name, value) {
    const location = this.gl.getUniformLocation(this.program, name);
    if (location === null) return;
    if (typeof value === "number") this.gl.uniform1f(location, value);
    else if (value.length === 2) this.gl.uniform2fv(location, value);
    else if (value.length === 3) this.gl.uniform3fv(location, value);
    else this.gl.uniformMatrix3fv(location, false, value);
  }
}

function linkProgram(gl, vertexSource, fragmentSource) {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertexSource], [gl.FRAGMENT_SHADER, fragmentSource]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}

const meshLines = (gl) => new Shapes(gl, LINE_VERTEX, LINE_FRAGMENT, [3, 3], 4);
const balls = (gl) => new Shapes(gl, BALL_VERTEX, BALL_FRAGMENT, [3, 1, 3], 4);
const sticks = (gl) => new Shapes(gl, STICK_VERTEX, STICK_FRAGMENT, [3, 3, 1, 3], 26);
