// Small pieces of linear algebra and of numpy's rounding. Matrices are arrays of rows, for a handful of parameters.

// As numpy rounds: halves to the even neighbour.
function roundEven(x) {
  const low = Math.floor(x), rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

const grouped = (value) => Number(value).toLocaleString("en", { maximumFractionDigits: 0 });
const clip = (x, low, high) => Math.min(Math.max(x, low), high);
const sum = (values) => values.reduce((a, b) => a + b, 0);
const dot = (a, b) => { let total = 0; for (let i = 0; i < a.length; i++) total += a[i] * b[i]; return total; };
const largest = (values) => { let top = -Infinity; for (const value of values) if (value > top) top = value; return top; };
const times = (matrix, vector) => matrix.map((row) => dot(row, vector));

function median(values) {
  const sorted = Float64Array.from(values).sort(), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// As np.unique(np.linspace(first, last, many).round()): whole numbers that rise.
function spaced(first, last, many) {
  const width = many > 1 ? (last - first) / (many - 1) : 0, found = [];
  for (let i = 0; i < many; i++) {
    const at = roundEven(many > 1 && i === many - 1 ? last : i * width + first);
    if (!found.length || at > found[found.length - 1]) found.push(at);
  }
  return found;
}

// The first place in sorted `values` whose value is at least `x`, or, with `after`, above it.
function place(values, x, after = false) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < x || (after && values[middle] === x)) low = middle + 1; else high = middle;
  }
  return low;
}

// The solution of a linear system by elimination with pivots; the shortest one where a symmetric matrix is singular.
function solved(matrix, right) {
  const n = right.length, rows = matrix.map((row, i) => [...row, right[i]]);
  for (let k = 0; k < n; k++) {
    let top = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[top][k])) top = i;
    if (rows[top][k] === 0) return times(pseudoInverse(matrix), right);
    [rows[k], rows[top]] = [rows[top], rows[k]];
    for (let i = k + 1; i < n; i++) {
      const share = rows[i][k] / rows[k][k];
      for (let j = k; j <= n; j++) rows[i][j] -= share * rows[k][j];
    }
  }
  const found = new Array(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let left = rows[i][n];
    for (let j = i + 1; j < n; j++) left -= rows[i][j] * found[j];
    found[i] = left / rows[i][i];
  }
  return found;
}

// Whether a symmetric matrix is positive definite: whether Cholesky's decomposition exists.
function positiveDefinite(matrix) {
  const n = matrix.length, root = matrix.map(() => new Array(n).fill(0));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let left = matrix[i][j];
      for (let k = 0; k < j; k++) left -= root[i][k] * root[j][k];
      if (i === j && !(left > 0)) return false;
      root[i][j] = i === j ? Math.sqrt(left) : left / root[j][j];
    }
  }
  return true;
}

// Eigenvalues of a symmetric matrix, and its eigenvectors as columns, by Jacobi's rotations.
function eigen(matrix) {
  const n = matrix.length, a = matrix.map((row) => [...row]), vectors = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) off += a[i][j] ** 2 / Math.max(Math.abs(a[i][i] * a[j][j]), Number.MIN_VALUE);
    if (!(off > 1e-32)) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
      if (a[p][q] === 0) continue;
      const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
      const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1)), c = 1 / Math.sqrt(t * t + 1), s = t * c;
      for (let k = 0; k < n; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
      for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
      for (let k = 0; k < n; k++) [vectors[k][p], vectors[k][q]] = [c * vectors[k][p] - s * vectors[k][q], s * vectors[k][p] + c * vectors[k][q]];
    }
  }
  return { values: a.map((row, i) => row[i]), vectors };
}

// As np.linalg.pinv(matrix, hermitian=True).
function pseudoInverse(matrix) {
  const { values, vectors } = eigen(matrix), cut = 1e-15 * largest(values.map(Math.abs));
  return matrix.map((_, i) => matrix.map((_, j) => sum(values.map((value, k) => (Math.abs(value) > cut ? (vectors[i][k] * vectors[j][k]) / value : 0)))));
}

// The mantissa and the exponent of a number rounded to so many digits: of two that are as near, the one whose last digit is even, as Python does.
function rounded(value, digits) {
  const up = value.toExponential(digits - 1).split("e"), [exact, exponent] = value.toExponential(60).split("e");
  const places = exact.replace(/[-.]/g, ""), tie = /^50*$/.test(places.slice(digits)) && places[digits - 1] % 2 === 0;
  return tie ? [`${value < 0 ? "-" : ""}${places[0]}${digits > 1 ? "." : ""}${places.slice(1, digits)}`, exponent] : up;
}

// A number as Python's format "g" writes it.
function general(value, digits = 6) {
  if (!Number.isFinite(value)) return String(value);
  const [mantissa, exponent] = rounded(value, digits);
  if (Number(exponent) < -4 || Number(exponent) >= digits) {
    const sign = exponent[0] === "-" ? "-" : "+", size = exponent.slice(1).padStart(2, "0");
    return `${mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa}e${sign}${size}`;
  }
  return String(Number(`${mantissa}e${exponent}`));
}
