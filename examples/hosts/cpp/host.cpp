// Drive a file that rnngraph exported with onnxruntime's C++ interface; JSON is nlohmann's, SHA-256 OpenSSL's.
//
// c++ -std=c++17 host.cpp -o host $(pkg-config --cflags --libs libonnxruntime libcrypto nlohmann_json)
//
// ./host check net.onnx                                          against the golden samples beside it
// ./host stream net.onnx --steps 4 --save state.safetensors      from the beginning
// ./host stream net.onnx --steps 3 --restore state.safetensors   where that ended
//
// What is streamed are the inputs of the first golden sample, over and over: put your own in their place.
// Exit code: 0 all is well, 1 a difference beyond the tolerance, 2 it cannot be done. For little-endian machines.

#include <onnxruntime_cxx_api.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Shape = std::vector<int64_t>;

const int NEWEST = 4;  // the newest format of manifests that this program knows
const double TOLERANCE = 1e-5;  // of the larger of 1 and the largest value, where the manifest does not say more
const char* USAGE = "usage: host check FILE | stream FILE [--steps N] [--restore FILE] [--save FILE]";

struct HostError : std::runtime_error {  // what the user has to put right
  using std::runtime_error::runtime_error;
};

struct Type {  // its number in TensorProto and onnxruntime, and its names in the manifest, in safetensors and in the digest
  int number;
  std::string name, safe, code;
  size_t size;
};
const std::vector<Type> TYPES = {{1, "float32", "F32", "<f4", 4}, {7, "int64", "I64", "<i8", 8}, {11, "float64", "F64", "<f8", 8}};

template <class Fits>
const Type& type_where(const std::string& what, Fits fits) {
  auto found = std::find_if(TYPES.begin(), TYPES.end(), fits);
  if (found == TYPES.end()) throw HostError(what + " has a type that is not float32, int64 or float64");
  return *found;
}

size_t count(Shape::const_iterator begin, Shape::const_iterator end) {
  size_t product = 1;
  for (; begin != end; ++begin) product *= static_cast<size_t>(*begin);
  return product;
}

struct Tensor {
  Type type;
  Shape shape;
  std::string bytes;

  size_t size() const { return count(shape.begin(), shape.end()); }

  double at(size_t k) const {
    const char* place = bytes.data() + k * type.size;
    if (type.number == 1) return read<float>(place);
    return type.number == 11 ? read<double>(place) : static_cast<double>(read<int64_t>(place));
  }

  template <class Number>
  static Number read(const char* place) {
    Number value;
    std::memcpy(&value, place, sizeof value);
    return value;
  }
};
using Tensors = std::map<std::string, Tensor>;

std::string shown(const Shape& shape) {  // as Python does: the digest needs it
  std::string text = "(";
  for (size_t k = 0; k < shape.size(); ++k) text += (k ? ", " : "") + std::to_string(shape[k]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path)) throw HostError(path.string() + ": there is no such file");
  return {std::istreambuf_iterator<char>(file), {}};
}

// 1. Read the manifest.

struct Model {
  fs::path path;
  Ort::Env env{ORT_LOGGING_LEVEL_ERROR, "host"};
  Ort::Session session{nullptr};
  Json manifest;

  explicit Model(const fs::path& file) : path(file) {
    if (!fs::is_regular_file(path)) throw HostError(path.string() + ": there is no such file");
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    try {
      session = Ort::Session(env, path.c_str(), options);
    } catch (const Ort::Exception& error) {
      throw HostError("onnxruntime cannot open " + path.string() + ": " + error.what());
    }
    Ort::AllocatorWithDefaultOptions allocator;
    auto text = session.GetModelMetadata().LookupCustomMetadataMapAllocated("rnngraph", allocator);
    if (!text) throw HostError(path.string() + " was not exported by rnngraph: its metadata has no manifest");
    manifest = Json::parse(text.get());
    if (int format = manifest["format"]; format > NEWEST)
      throw HostError(path.string() + " has a manifest of format " + std::to_string(format) + ", this program knows up to " + std::to_string(NEWEST));
  }

  // 2. Begin with the initial values: one number, or a number for each element of a row.

  Tensors initial(int64_t rows) const {
    Tensors made;
    for (const Json& state : manifest["states"]) {
      const Json values = state["initial"].flatten();
      std::vector<double> row(values.begin(), values.end());
      const Type& type = type_where(state["input"], [&](const Type& t) { return t.name == state["data_type"]; });
      Tensor tensor{type, {rows}, ""};
      for (int64_t d : state["shape"]) tensor.shape.push_back(d);
      for (size_t k = 0; k < tensor.size(); ++k) {
        double value = row[k % row.size()];
        float narrow = static_cast<float>(value);
        tensor.bytes.append(type.size == 4 ? reinterpret_cast<char*>(&narrow) : reinterpret_cast<char*>(&value), type.size);
      }
      made[state["input"]] = tensor;
    }
    return made;
  }

  // 3. Feed inputs and states; 4. carry each next state to the state it belongs to.

  std::pair<Tensors, Tensors> run(Tensors inputs, const Tensors& states) {
    inputs.insert(states.begin(), states.end());
    Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<const char*> takes, gives;
    std::vector<Ort::Value> values;
    for (auto& [name, tensor] : inputs) {
      takes.push_back(name.c_str());
      auto type = static_cast<ONNXTensorElementDataType>(tensor.type.number);
      values.push_back(Ort::Value::CreateTensor(memory, tensor.bytes.data(), tensor.bytes.size(), tensor.shape.data(), tensor.shape.size(), type));
    }
    for (const Json& port : manifest["outputs"]) gives.push_back(port["name"].get_ref<const std::string&>().c_str());
    auto results = session.Run(Ort::RunOptions{nullptr}, takes.data(), values.data(), values.size(), gives.data(), gives.size());
    Tensors outputs, next;
    for (size_t k = 0; k < gives.size(); ++k) {
      auto info = results[k].GetTensorTypeAndShapeInfo();
      const Type& type = type_where(gives[k], [&](const Type& t) { return t.number == static_cast<int>(info.GetElementType()); });
      Tensor made{type, info.GetShape(), ""};
      made.bytes.assign(static_cast<const char*>(results[k].GetTensorRawData()), made.size() * type.size);
      outputs[gives[k]] = made;
    }
    for (const Json& state : manifest["states"]) next[state["input"]] = outputs.at(state["output"]);
    return {outputs, next};
  }

  // Step t of inputs and masks, with a time axis of length 1; what has no time axis as it is.
  Tensors at_step(const Tensors& inputs, int64_t t) const {
    Tensors step;
    for (const Json& port : manifest["inputs"]) {
      if (port["role"] == "state") continue;
      const Tensor& whole = inputs.at(port["name"]);
      int axis = time_axis(port);
      Tensor& one = step[port["name"]] = whole;
      if (axis < 0) continue;
      size_t steps = whole.shape[axis], inner = count(whole.shape.begin() + axis + 1, whole.shape.end()) * whole.type.size;
      one.shape[axis] = 1;
      one.bytes.clear();
      for (size_t outer = 0; outer < whole.bytes.size() / (steps * inner); ++outer)
        one.bytes += whole.bytes.substr((outer * steps + t % steps) * inner, inner);
    }
    return step;
  }

  // Where the steps of an input, output or mask stand, -1 where it has none: a graph's ports tell it themselves.
  int time_axis(const Json& port) const {
    const Json& time = manifest["time"];
    std::string role = port["role"];
    Json axis = port.contains("time_axis") ? port["time_axis"] : role == "mask" ? Json(1) : time.value(role + "_axis", Json());
    return axis.is_null() ? -1 : axis.get<int>();
  }
};

// 5. Hand the state over: safetensors, with a digest over all that it says. rnngraph reads it with StateSnapshot.from_bytes.

std::string digest(const Tensors& states, const Json& about) {  // both are ordered by name
  std::string text;
  for (const auto& [key, value] : about.items())
    if (key != "sha256") text += (text.empty() ? "{" : ", ") + Json(key).dump() + ": " + value.dump();
  text += "}";
  for (const auto& [name, tensor] : states) text += name + " " + tensor.type.code + " " + shown(tensor.shape) + ";" + tensor.bytes;
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), sum, &length, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned k = 0; k < length; ++k) (hex += "0123456789abcdef"[sum[k] / 16]) += "0123456789abcdef"[sum[k] % 16];
  return hex;
}

void save(const fs::path& path, const Tensors& states, const std::string& model, int64_t steps) {
  Json about = {{"format", "1"}, {"model", model}, {"steps", std::to_string(steps)}};
  about["sha256"] = digest(states, about);
  Json header = {{"__metadata__", about}};
  std::string data;
  for (const auto& [name, tensor] : states) {
    header[name] = {{"dtype", tensor.type.safe}, {"shape", tensor.shape}, {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<char*>(&length), 8) << text << data;
  if (!file.flush()) throw HostError(path.string() + " cannot be written");
}

std::pair<Tensors, int64_t> restore(const fs::path& path, const Model& model) {
  std::string content = content_of(path);
  Tensors states;
  Json about;
  try {
    uint64_t length = 0;
    std::memcpy(&length, content.substr(0, 8).c_str(), 8);
    Json header = Json::parse(content.substr(8, length));
    std::string data = content.substr(8 + length);
    about = header.at("__metadata__");
    about.at("sha256");
    header.erase("__metadata__");
    for (const auto& [name, entry] : header.items()) {
      size_t from = entry["data_offsets"][0], to = entry["data_offsets"][1];
      const Type& type = type_where(name, [&, &entry = entry](const Type& t) { return t.safe == entry["dtype"]; });
      Tensor& tensor = states[name] = {type, entry["shape"], data.substr(from, to - from)};
      if (tensor.bytes.size() != tensor.size() * type.size) throw HostError("cut");
    }
  } catch (const std::exception&) {
    throw HostError(path.string() + " is no state, or a truncated one");
  }
  std::string format = about["format"], theirs = about["model"], ours = model.manifest["parameters"]["sha256"];
  if (std::stoi(format) > 1) throw HostError(path.string() + " has format " + format + ", this program knows format 1");
  if (digest(states, about) != about["sha256"]) throw HostError(path.string() + " was altered: its values do not match its digest");
  if (!theirs.empty() && theirs != ours)
    throw HostError(path.string() + " is the state of another network: of parameters " + theirs.substr(0, 12) + "..., " + model.path.string() +
                    " has " + ours.substr(0, 12) + "...");
  return {states, std::stoll(about.value("steps", "0"))};
}

// The golden samples: protobuf's TensorProto, of which four fields are read.

uint64_t varint(const std::string& bytes, size_t& at) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    auto byte = static_cast<unsigned char>(bytes.at(at++));
    value |= static_cast<uint64_t>(byte & 127) << shift;
    if (byte < 128) return value;
  }
}

std::pair<std::string, Tensor> tensor_of(const std::string& bytes) {
  std::string name, data;
  Shape shape;
  uint64_t number = 0;
  for (size_t at = 0; at < bytes.size();) {
    uint64_t key = varint(bytes, at);
    if (key % 8 == 0) {
      uint64_t value = varint(bytes, at);
      if (key / 8 == 1) shape.push_back(static_cast<int64_t>(value));
      if (key / 8 == 2) number = value;
      continue;
    }
    uint64_t length = key % 8 == 2 ? varint(bytes, at) : key % 8 == 1 ? 8 : 4;
    if (key / 8 == 8) name = bytes.substr(at, length);
    if (key / 8 == 9) data = bytes.substr(at, length);
    at += length;
  }
  return {name, {type_where(name, [&](const Type& t) { return t.number == static_cast<int>(number); }), shape, data}};
}

std::vector<std::pair<Tensors, Tensors>> samples(const Model& model) {
  fs::path folder = model.path.string() + ".golden";
  std::vector<fs::path> sets;
  if (fs::is_directory(folder))
    for (const auto& one : fs::directory_iterator(folder))
      if (one.path().filename().string().rfind("test_data_set_", 0) == 0) sets.push_back(one.path());
  if (sets.empty()) throw HostError("there are no golden samples in " + folder.string() + "; copy that folder along with the file");
  std::sort(sets.begin(), sets.end());
  std::vector<std::pair<Tensors, Tensors>> pairs;
  for (const fs::path& set : sets) {
    std::pair<Tensors, Tensors> pair;
    for (const auto& file : fs::directory_iterator(set)) {
      bool is_input = file.path().filename().string().rfind("input_", 0) == 0;
      (is_input ? pair.first : pair.second).insert(tensor_of(content_of(file)));
    }
    for (std::string side : {"inputs", "outputs"}) {
      const Tensors& found = side == "inputs" ? pair.first : pair.second;
      bool fits = found.size() == model.manifest[side].size();
      for (const Json& port : model.manifest[side]) fits = fits && found.count(port["name"]);
      if (!fits) throw HostError(set.string() + " is of another file than " + model.path.string());
    }
    pairs.push_back(pair);
  }
  return pairs;
}

// What the commands do.

// Whether an output tells what it holds at index k: at masked steps it does not.
bool specified(const Model& model, const Json& port, const Tensors& inputs, const Shape& shape, size_t k) {
  int axis = model.time_axis(port);
  if (axis < 0) return true;
  size_t steps = shape[axis], inner = count(shape.begin() + axis + 1, shape.end()), row = count(shape.begin() + 1, shape.end());
  for (const Json& one : model.manifest["inputs"]) {
    if (one["role"] != "mask") continue;
    const Tensor& mask = inputs.at(one["name"]);
    if (mask.shape[1] == shape[axis] && mask.at(k / row * steps + k / inner % steps) == 0) return false;
  }
  return true;
}

bool check(Model& model) {
  const Json precision = model.manifest.value("precision", Json());
  double largest = 0;
  bool ok = true;
  int k = 0;
  for (const auto& [inputs, expected] : samples(model)) {
    Tensors got = model.run(inputs, {}).first;
    for (const Json& port : model.manifest["outputs"]) {
      std::string name = port["name"];
      const Tensor &have = got.at(name), &want = expected.at(name);
      double error = 0, scale = 1;
      for (size_t i = 0; i < want.size(); ++i) {
        if (!specified(model, port, inputs, want.shape, i)) continue;
        double off = std::abs(have.at(i) - want.at(i));
        if (!(off <= error)) error = std::isnan(error) ? error : off;  // NaN stays
        scale = std::max(scale, std::abs(want.at(i)));
      }
      double allowed = scale * (precision.is_null() ? TOLERANCE : precision["tolerance"].value(name, TOLERANCE));
      bool fits = error <= allowed;  // false where it is NaN
      std::printf("golden %d  %-20s  %8.2e of %8.2e  %s\n", k, name.c_str(), error, allowed, fits ? "ok" : "OFF");
      ok = ok && fits;
      if (!(error <= largest)) largest = std::isnan(largest) ? largest : error;
    }
    ++k;
  }
  std::printf("largest difference %.2e: %s the tolerance\n", largest, ok ? "all within" : "BEYOND");
  return ok;
}

void stream(Model& model, int64_t steps, const std::string& begin, const std::string& end) {
  const Json& manifest = model.manifest;
  if (!manifest["streams"]) throw HostError(model.path.string() + " cannot be fed step by step: " + manifest["why_not"].get<std::string>());
  Tensors inputs = samples(model)[0].first;
  const Tensors initial = model.initial(inputs.at(manifest["inputs"][0]["name"]).shape[0]);
  auto [states, done] = begin.empty() ? std::pair(initial, int64_t(0)) : restore(begin, model);
  if (states.empty()) states = initial;  // that of a stream before its first step is empty
  for (const auto& [name, tensor] : initial) {
    std::string held = states.count(name) ? shown(states[name].shape) : "none", needed = shown(tensor.shape);
    if (held != needed) throw HostError(begin + ": " + name + " has the shape " + held + ", the stream needs " + needed);
  }
  for (int64_t t = done; t < done + steps; ++t) {
    auto [outputs, next] = model.run(model.at_step(inputs, t), states);
    states = next;
    for (const Json& port : manifest["outputs"]) {
      if (port["role"] != "output") continue;
      std::string name = port["name"];
      const Tensor& y = outputs.at(name);
      std::printf("step %lld %s", static_cast<long long>(t + 1), name.c_str());
      for (size_t k = 0; k < y.size(); ++k) std::printf(" %.17g", y.at(k));
      std::printf("\n");
    }
  }
  if (!end.empty()) save(end, states, manifest["parameters"]["sha256"], done + steps);
}

int main(int argc, char** argv) {
  try {
    std::map<std::string, std::string> options = {{"--steps", "7"}, {"--restore", ""}, {"--save", ""}};
    std::string command = argc > 2 ? argv[1] : "";
    bool known = (command == "check" && argc == 3) || (command == "stream" && argc % 2 == 1);
    for (int k = 3; known && k < argc; options[argv[k]] = argv[k + 1], k += 2) known = options.count(argv[k]) > 0;
    const std::string& steps = options["--steps"];
    if (!known || steps.empty() || steps.size() > 9 || steps.find_first_not_of("0123456789") != std::string::npos) throw HostError(USAGE);
    Model model(argv[2]);
    if (command == "check") return check(model) ? 0 : 1;
    stream(model, std::stoll(steps), options["--restore"], options["--save"]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
