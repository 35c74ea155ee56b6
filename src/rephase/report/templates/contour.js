"use strict";

// Chicken-wire contours: marching squares on every face of the grid, in the three lattice directions, so that
// the lines are the outlines of the polygons that marching cubes would fill.

/**
 * Decode base64 into bytes.
 * @param {string} text
 * @returns {Uint8Array}
 */
function bytesFromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Invert a 3 × 3 matrix given as rows. */
function inverse3(m) {
  const [a, b, c] = m;
  const cross = (p, q) => [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
  const columns = [cross(b, c), cross(c, a), cross(a, b)];
  const determinant = a[0] * columns[0][0] + a[1] * columns[0][1] + a[2] * columns[0][2];
  return [0, 1, 2].map((row) => columns.map((column) => column[row] / determinant));
}

/** Grid indices [first, last] per axis that enclose a sphere; `steps` has one lattice step per row. */
function indexRange(map, centre, radius) {
  const toGrid = inverse3(map.steps); // row vector xyz · toGrid = grid index
  const d = centre.map((x, i) => x - map.origin[i]);
  return map.shape.map((n, axis) => {
    const middle = d[0] * toGrid[0][axis] + d[1] * toGrid[1][axis] + d[2] * toGrid[2][axis];
    const reach = radius * Math.hypot(toGrid[0][axis], toGrid[1][axis], toGrid[2][axis]);
    return [Math.max(0, Math.floor(middle - reach)), Math.min(n - 1, Math.ceil(middle + reach))];
  });
}

/** Growing list of line segments in Cartesian coordinates. */
class SegmentList {
  constructor(map) {
    this.map = map;
    this.data = new Float32Array(6 * 16384);
    this.length = 0;
  }

  point(u, v, w) {
    const [o, [a, b, c]] = [this.map.origin, this.map.steps];
    if (this.length + 3 > this.data.length) {
      const larger = new Float32Array(2 * this.data.length);
      larger.set(this.data);
      this.data = larger;
    }
    for (let i = 0; i < 3; i++) this.data[this.length++] = o[i] + u * a[i] + v * b[i] + w * c[i];
  }

  get array() {
    return this.data.subarray(0, this.length);
  }
}

// Which edges of a square the contour crosses, by the corners above the level (bit 0 … 3 going round).
const SQUARE_EDGES = [
  [], [0, 3], [0, 1], [1, 3], [1, 2], [0, 1, 2, 3], [0, 2], [2, 3],
  [2, 3], [0, 2], [0, 3, 1, 2], [1, 2], [1, 3], [0, 1], [0, 3], [],
];
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];

/**
 * Contour lines at `level` (r.m.s.) within `radius` (Å) of `centre`.
 * @returns {Float32Array} six numbers per segment: x, y, z of both ends, Å
 */
function contourMesh(map, level, centre, radius) {
  const threshold = (level - map.low) / map.step;
  const range = indexRange(map, centre, radius);
  const segments = new SegmentList(map);
  for (let normal = 0; normal < 3; normal++) contourFaces(map, threshold, range, centre, radius, normal, segments);
  return segments.array;
}

function contourFaces(map, threshold, range, centre, radius, normal, segments) {
  const { bytes, shape, origin, steps } = map;
  const stride = [shape[1] * shape[2], shape[2], 1];
  const [p, q] = [(normal + 1) % 3, (normal + 2) % 3];
  const last = range.map(([, end], axis) => (axis === normal ? end : Math.min(end, shape[axis] - 2)));
  const radius2 = radius * radius;
  const values = [0, 0, 0, 0];
  const index = [0, 0, 0];
  for (index[0] = range[0][0]; index[0] <= last[0]; index[0]++) {
    for (index[1] = range[1][0]; index[1] <= last[1]; index[1]++) {
      for (index[2] = range[2][0]; index[2] <= last[2]; index[2]++) {
        const at = index[0] * stride[0] + index[1] * stride[1] + index[2];
        values[0] = bytes[at];
        values[1] = bytes[at + stride[p]];
        values[2] = bytes[at + stride[p] + stride[q]];
        values[3] = bytes[at + stride[q]];
        let corners = 0;
        for (let i = 0; i < 4; i++) if (values[i] > threshold) corners |= 1 << i;
        if (corners === 0 || corners === 15) continue;
        let distance2 = 0;
        for (let i = 0; i < 3; i++) {
          const x = origin[i] + index[0] * steps[0][i] + index[1] * steps[1][i] + index[2] * steps[2][i];
          distance2 += (x - centre[i]) ** 2;
        }
        if (distance2 > radius2) continue;
        for (const edge of SQUARE_EDGES[corners]) crossing(values, threshold, edge, index, p, q, segments);
      }
    }
  }
}

/** Append the point at which the contour crosses one edge of the square at `index`. */
function crossing(values, threshold, edge, index, p, q, segments) {
  const [from, to] = [edge, (edge + 1) % 4];
  const t = (threshold - values[from]) / (values[to] - values[from]);
  const point = [index[0], index[1], index[2]];
  point[p] += CORNERS[from][0] + t * (CORNERS[to][0] - CORNERS[from][0]);
  point[q] += CORNERS[from][1] + t * (CORNERS[to][1] - CORNERS[from][1]);
  segments.point(point[0], point[1], point[2]);
}
