// Drive a file that rnngraph exported with onnxruntime-node alone.
//
// node host.mjs check net.onnx                                          against the golden samples beside it
// node host.mjs stream net.onnx --steps 4 --save state.safetensors      from the beginning
// node host.mjs stream net.onnx --steps 3 --restore state.safetensors   where that ended
//
// What is streamed are the inputs of the first golden sample, over and over: put your own in their place.
// Exit code: 0 all is well, 1 a difference beyond the tolerance, 2 it cannot be done.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import ort from "onnxruntime-node";

const NEWEST = 4; // the newest format of manifests that this program knows
const TOLERANCE = 1e-5; // of the larger of 1 and the largest value, where the manifest does not say more
const ARRAYS = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array };
const TENSOR_TYPES = { 1: "float32", 7: "int64", 11: "float64" }; // numbers in TensorProto
const STATE_TYPES = { F32: ["float32", "<f4"], F64: ["float64", "<f8"] }; // names in safetensors, and in the digest

class HostError extends Error {} // what the user has to put right

const USAGE = "usage: node host.mjs check FILE | stream FILE [--steps N] [--restore FILE] [--save FILE]";

const size = (shape) => shape.reduce((a, b) => a * b, 1);
const shown = (shape) => (shape ? `(${shape.join(", ")})` : "none");
const same = (a, b) => a.length === b.length && a.every((value, k) => value === b[k]);

/** The bytes as a tensor; they are copied, since an array has to begin at a multiple of its element's size. */
function tensorOf(type, shape, bytes) {
  const data = new ARRAYS[type](Uint8Array.from(bytes).buffer);
  return new ort.Tensor(type, data, shape);
}

const bytesOf = ({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

// 1. Read the manifest. onnxruntime-node does not give a file's metadata: it is read from the file, field 14 of protobuf's ModelProto.

async function open(path) {
  if (!existsSync(path)) throw new HostError(`${path}: there is no such file`);
  let session;
  try {
    session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, executionProviders: ["cpu"] });
  } catch (error) {
    throw new HostError(`onnxruntime cannot open ${path}: ${error.message}`);
  }
  const entries = fields(readFileSync(path)).filter(([number]) => number === 14);
  const metadata = Object.fromEntries(entries.map(([, entry]) => fields(entry).map(([, text]) => text.toString())));
  if (!("rnngraph" in metadata)) throw new HostError(`${path} was not exported by rnngraph: its metadata has no manifest`);
  const manifest = JSON.parse(metadata.rnngraph);
  if (manifest.format > NEWEST) {
    throw new HostError(`${path} has a manifest of format ${manifest.format}, this program knows up to ${NEWEST}`);
  }
  return { path, session, manifest };
}

// 2. Begin with the initial values: one number, or a number for each element of a row.

function initial({ manifest }, rows) {
  const made = {};
  for (const state of manifest.states) {
    const row = [state.initial].flat(Infinity);
    const data = ARRAYS[state.data_type].from({ length: rows * size(state.shape) }, (_, k) => row[k % row.length]);
    made[state.input] = new ort.Tensor(state.data_type, data, [rows, ...state.shape]);
  }
  return made;
}

// 3. Feed inputs and states; 4. carry each next state to the state it belongs to.

async function run({ session, manifest }, inputs, states) {
  const outputs = await session.run({ ...inputs, ...states });
  return [outputs, Object.fromEntries(manifest.states.map((state) => [state.input, outputs[state.output]]))];
}

/** Step t of inputs and masks, with a time axis of length 1; what has no time axis as it is. */
function atStep({ manifest }, inputs, t) {
  const step = { ...inputs };
  for (const port of manifest.inputs.filter((one) => one.role !== "state")) {
    const axis = timeAxis(manifest, port);
    if (axis !== null) step[port.name] = taken(inputs[port.name], axis, t % inputs[port.name].dims[axis]);
  }
  return step;
}

/** Where the steps of an input, output or mask stand: a graph's ports tell it themselves. */
function timeAxis({ time }, port) {
  if (port.time_axis !== undefined) return port.time_axis;
  return { input: time.input_axis, output: time.output_axis, mask: 1 }[port.role] ?? null;
}

function taken({ type, dims, data }, axis, index) {
  const inner = size(dims.slice(axis + 1));
  const shape = dims.with(axis, 1);
  const at = (k) => (Math.floor(k / inner) * dims[axis] + index) * inner + (k % inner);
  return new ort.Tensor(type, ARRAYS[type].from({ length: size(shape) }, (_, k) => data[at(k)]), shape);
}

// 5. Hand the state over: safetensors, with a digest over all that it says. rnngraph reads it with StateSnapshot.from_bytes.

function save(path, states, model, steps) {
  const about = { format: "1", model, steps: String(steps) };
  const header = { __metadata__: { ...about, sha256: digest(states, about) } };
  let end = 0;
  for (const [name, tensor] of Object.entries(states)) {
    const dtype = Object.keys(STATE_TYPES).find((one) => STATE_TYPES[one][0] === tensor.type);
    const start = end;
    end += tensor.data.byteLength;
    header[name] = { dtype, shape: tensor.dims, data_offsets: [start, end] };
  }
  const text = JSON.stringify(header);
  const begin = Buffer.alloc(8 + 8 * Math.ceil(text.length / 8), " ");
  begin.writeBigUInt64LE(BigInt(begin.length - 8));
  begin.write(text, 8);
  writeFileSync(path, Buffer.concat([begin, ...Object.values(states).map(bytesOf)]));
}

function restore(path, { path: file, manifest }) {
  if (!existsSync(path)) throw new HostError(`${path}: there is no such file`);
  const content = readFileSync(path);
  let about, states;
  try {
    const start = 8 + Number(content.readBigUInt64LE());
    const { __metadata__, ...entries } = JSON.parse(content.subarray(8, start));
    about = __metadata__;
    if (!about.sha256) throw new HostError();
    states = Object.fromEntries(
      Object.entries(entries).map(([name, { dtype, shape, data_offsets }]) => {
        const [from, to] = data_offsets.map((offset) => start + offset);
        return [name, tensorOf(STATE_TYPES[dtype][0], shape, content.subarray(from, to))];
      }),
    );
  } catch {
    throw new HostError(`${path} is no state, or a truncated one`);
  }
  const { sha256, ...rest } = about;
  if (Number(about.format) > 1) throw new HostError(`${path} has format ${about.format}, this program knows format 1`);
  if (digest(states, rest) !== sha256) throw new HostError(`${path} was altered: its values do not match its digest`);
  const wanted = manifest.parameters.sha256;
  if (about.model !== "" && about.model !== wanted) {
    const [theirs, ours] = [about.model, wanted].map((one) => `${one.slice(0, 12)}...`);
    throw new HostError(`${path} is the state of another network: of parameters ${theirs}, ${file} has ${ours}`);
  }
  return [states, Number(about.steps ?? 0)];
}

function digest(states, about) {
  const said = Object.keys(about).sort().map((key) => `${JSON.stringify(key)}: ${JSON.stringify(about[key])}`);
  const hash = createHash("sha256").update(`{${said.join(", ")}}`);
  for (const name of Object.keys(states).sort()) {
    const { type, dims } = states[name];
    const [, code] = Object.values(STATE_TYPES).find(([known]) => known === type);
    hash.update(`${name} ${code} (${dims.join(", ")}${dims.length === 1 ? "," : ""});`).update(bytesOf(states[name]));
  }
  return hash.digest("hex");
}

// The golden samples: protobuf's TensorProto, of which four fields are read.

function samples({ path, manifest }) {
  const folder = `${path}.golden`;
  const names = [...manifest.inputs, ...manifest.outputs].map((port) => port.name).sort();
  const sets = existsSync(folder) ? readdirSync(folder).filter((one) => one.startsWith("test_data_set_")).sort() : [];
  if (!sets.length) throw new HostError(`there are no golden samples in ${folder}; copy that folder along with the file`);
  return sets.map((set) => {
    const files = readdirSync(join(folder, set));
    const pair = ["input_", "output_"].map((kind) =>
      Object.fromEntries(files.filter((file) => file.startsWith(kind)).map((file) => tensor(readFileSync(join(folder, set, file))))),
    );
    if (!same(pair.flatMap(Object.keys).sort(), names)) throw new HostError(`${join(folder, set)} is of another file than ${path}`);
    return pair;
  });
}

function tensor(bytes) {
  const found = fields(bytes);
  const shape = found.filter(([number]) => number === 1).map(([, value]) => value);
  const one = Object.fromEntries(found);
  const [name, type] = [one[8].toString(), TENSOR_TYPES[one[2]]];
  if (!type) throw new HostError(`${name} has the type ${one[2]} of TensorProto; this program knows ${Object.values(TENSOR_TYPES)}`);
  return [name, tensorOf(type, shape, one[9])];
}

/** Number and value of each field of a message: a number, or bytes. */
function fields(bytes) {
  const found = [];
  let at = 0;
  const varint = () => {
    let [value, scale] = [0, 1];
    for (; bytes[at] & 128; at++, scale *= 128) value += (bytes[at] & 127) * scale;
    return value + bytes[at++] * scale;
  };
  while (at < bytes.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    if (key % 8 === 0) {
      found.push([number, varint()]);
      continue;
    }
    const length = key % 8 === 2 ? varint() : { 1: 8, 5: 4 }[key % 8];
    found.push([number, bytes.subarray(at, at + length)]);
    at += length;
  }
  return found;
}

// What the commands do.

async function check(model) {
  const told = model.manifest.precision?.tolerance ?? {};
  let [ok, largest] = [true, 0];
  for (const [k, [inputs, expected]] of samples(model).entries()) {
    const [got] = await run(model, inputs, {});
    for (const port of model.manifest.outputs) {
      const [error, scale] = difference(got[port.name].data, expected[port.name], specified(model, port, inputs, expected[port.name].dims));
      const allowed = (told[port.name] ?? TOLERANCE) * Math.max(1, scale);
      const fits = error <= allowed; // false where it is NaN
      const [is, may] = [error, allowed].map((value) => value.toExponential(2).padStart(8));
      console.log(`golden ${k}  ${port.name.padEnd(20)}  ${is} of ${may}  ${fits ? "ok" : "OFF"}`);
      ok &&= fits;
      largest = Math.max(largest, error); // NaN where one is
    }
  }
  console.log(`largest difference ${largest.toExponential(2)}: ${ok ? "all within" : "BEYOND"} the tolerance`);
  return ok;
}

/** The largest error, and the largest value. */
function difference(got, { data }, specified) {
  let [error, scale] = [0, 0];
  data.forEach((value, k) => {
    if (!specified(k)) return;
    error = Math.max(error, Math.abs(Number(got[k]) - Number(value)));
    scale = Math.max(scale, Math.abs(Number(value)));
  });
  return [error, scale];
}

/** Whether an output tells what it holds at an index: at masked steps it does not. */
function specified({ manifest }, port, inputs, dims) {
  const axis = timeAxis(manifest, port);
  if (axis === null) return () => true;
  const masks = manifest.inputs.filter((one) => one.role === "mask").map((one) => inputs[one.name]);
  const fitting = masks.filter((mask) => mask.dims[1] === dims[axis]);
  const [row, inner, steps] = [size(dims.slice(1)), size(dims.slice(axis + 1)), dims[axis]];
  return (k) => fitting.every((mask) => mask.data[Math.floor(k / row) * steps + (Math.floor(k / inner) % steps)] !== 0);
}

async function stream(model, steps, begin, end) {
  const { path, manifest } = model;
  if (!manifest.streams) throw new HostError(`${path} cannot be fed step by step: ${manifest.why_not}`);
  const [[sample]] = samples(model);
  const known = manifest.inputs.filter((port) => port.role !== "state").map((port) => port.name);
  const inputs = Object.fromEntries(known.map((name) => [name, sample[name]]));
  const first = initial(model, inputs[known[0]].dims[0]);
  let [states, done] = begin ? restore(begin, model) : [first, 0];
  if (!Object.keys(states).length) states = first; // that of a stream before its first step is empty
  for (const [name, { dims }] of Object.entries(first)) {
    const held = states[name]?.dims;
    if (!held || !same(held, dims)) throw new HostError(`${begin}: ${name} has the shape ${shown(held)}, the stream needs ${shown(dims)}`);
  }
  for (let t = done; t < done + steps; t++) {
    let outputs;
    [outputs, states] = await run(model, atStep(model, inputs, t), states);
    for (const { name } of manifest.outputs.filter((port) => port.role === "output")) {
      console.log(`step ${t + 1} ${name} ${Array.from(outputs[name].data).join(" ")}`);
    }
  }
  if (end) save(end, states, manifest.parameters.sha256, done + steps);
}

function parsed(rules) {
  try {
    return parseArgs(rules);
  } catch {
    throw new HostError(USAGE);
  }
}

async function main() {
  const options = { steps: { type: "string", default: "7" }, restore: { type: "string" }, save: { type: "string" } };
  const { positionals, values } = parsed({ allowPositionals: true, options });
  const [command, path] = positionals;
  if (!["check", "stream"].includes(command) || !path || !/^\d+$/.test(values.steps)) throw new HostError(USAGE);
  const model = await open(path);
  if (command === "check") return (await check(model)) ? 0 : 1;
  await stream(model, Number(values.steps), values.restore, values.save);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof HostError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
