// Drive a file that rnngraph exported with onnxruntime's jar alone.
//
// javac -cp onnxruntime.jar Host.java Tensor.java Json.java
//
// java -cp onnxruntime.jar:. Host check net.onnx                                          against the golden samples beside it
// java -cp onnxruntime.jar:. Host stream net.onnx --steps 4 --save state.safetensors      from the beginning
// java -cp onnxruntime.jar:. Host stream net.onnx --steps 3 --restore state.safetensors   where that ended
//
// What is streamed are the inputs of the first golden sample, over and over: put your own in their place.
// Exit code: 0 all is well, 1 a difference beyond the tolerance, 2 it cannot be done.

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

public final class Host {
  static final int NEWEST = 4; // the newest format of manifests that this program knows
  static final double TOLERANCE = 1e-5; // of the larger of 1 and the largest value, where the manifest does not say more
  static final String USAGE = "usage: Host check FILE | stream FILE [--steps N] [--restore FILE] [--save FILE]";

  @SuppressWarnings("serial")
  static final class HostError extends RuntimeException { // what the user has to put right
    HostError(String message) {
      super(message);
    }
  }

  // 1. Read the manifest.

  final Path path;
  final OrtEnvironment env = OrtEnvironment.getEnvironment();
  final OrtSession session;
  final Map<String, Object> manifest;

  Host(Path path) throws OrtException {
    this.path = path;
    if (!Files.isRegularFile(path)) throw new HostError(path + ": there is no such file");
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(1);
    try {
      session = env.createSession(path.toString(), options);
    } catch (OrtException error) {
      throw new HostError("onnxruntime cannot open " + path + ": " + error.getMessage());
    }
    String text = session.getMetadata().getCustomMetadataValue("rnngraph")
        .orElseThrow(() -> new HostError(path + " was not exported by rnngraph: its metadata has no manifest"));
    manifest = Json.object(new Json(text).value());
    int format = Json.number(manifest.get("format"));
    if (format > NEWEST) throw new HostError(path + " has a manifest of format " + format + ", this program knows up to " + NEWEST);
  }

  List<Map<String, Object>> entries(String side) {
    return Json.list(manifest.get(side)).stream().map(Json::object).toList();
  }

  // 2. Begin with the initial values: one number, or a number for each element of a row.

  Map<String, Tensor> initial(long rows) {
    Map<String, Tensor> made = new TreeMap<>();
    for (Map<String, Object> state : entries("states")) {
      String name = (String) state.get("input");
      long[] row = Json.shape(state.get("shape")), shape = new long[row.length + 1];
      shape[0] = rows;
      System.arraycopy(row, 0, shape, 1, row.length);
      double[] values = Json.flat(state.get("initial")).toArray();
      Tensor tensor = Tensor.empty(Tensor.Type.where(name, t -> t.title.equals(state.get("data_type"))), shape);
      for (int k = 0; k < tensor.size(); k++) {
        double value = values[k % values.length];
        if (tensor.type() == Tensor.Type.FLOAT32) tensor.bytes().putFloat(4 * k, (float) value);
        else tensor.bytes().putDouble(8 * k, value);
      }
      made.put(name, tensor);
    }
    return made;
  }

  // 3. Feed inputs and states; 4. carry each next state to the state it belongs to.

  Map<String, Tensor> run(Map<String, Tensor> inputs, Map<String, Tensor> states) throws OrtException {
    Map<String, OnnxTensor> values = new LinkedHashMap<>();
    for (Map<String, Tensor> given : List.of(inputs, states)) {
      for (Map.Entry<String, Tensor> one : given.entrySet()) values.put(one.getKey(), one.getValue().value(env));
    }
    Map<String, Tensor> outputs = new TreeMap<>();
    try (OrtSession.Result result = session.run(values)) {
      for (Map.Entry<String, OnnxValue> one : result) outputs.put(one.getKey(), Tensor.of(one.getKey(), (OnnxTensor) one.getValue()));
    } finally {
      values.values().forEach(OnnxTensor::close);
    }
    return outputs;
  }

  Map<String, Tensor> next(Map<String, Tensor> outputs) {
    Map<String, Tensor> states = new TreeMap<>();
    for (Map<String, Object> state : entries("states")) states.put((String) state.get("input"), outputs.get(state.get("output")));
    return states;
  }

  /** Step t of inputs and masks, with a time axis of length 1; what has no time axis as it is. */
  Map<String, Tensor> atStep(Map<String, Tensor> inputs, long t) {
    Map<String, Tensor> step = new TreeMap<>();
    for (Map<String, Object> port : entries("inputs")) {
      Tensor whole = inputs.get(port.get("name"));
      if (whole == null) continue; // a state
      int axis = timeAxis(port);
      step.put((String) port.get("name"), axis < 0 ? whole : taken(whole, axis, t % whole.shape()[axis]));
    }
    return step;
  }

  static Tensor taken(Tensor whole, int axis, long index) {
    long[] shape = whole.shape().clone();
    shape[axis] = 1;
    Tensor one = Tensor.empty(whole.type(), shape);
    int inner = Tensor.product(shape, axis + 1) * whole.type().size, steps = (int) whole.shape()[axis];
    for (int outer = 0; outer < one.bytes().capacity() / inner; outer++) {
      one.bytes().put(outer * inner, whole.bytes(), (outer * steps + (int) index) * inner, inner);
    }
    return one;
  }

  /** Where the steps of an input, output or mask stand, -1 where it has none: a graph's ports tell it themselves. */
  int timeAxis(Map<String, Object> port) {
    Object told = Json.object(manifest.get("time")).get(port.get("role") + "_axis");
    Object axis = port.getOrDefault("time_axis", port.get("role").equals("mask") ? Double.valueOf(1) : told);
    return axis == null ? -1 : Json.number(axis);
  }

  String parameters() {
    return (String) Json.object(manifest.get("parameters")).get("sha256");
  }

  // 5. Hand the state over: safetensors, with a digest over all that it says. rnngraph reads it with StateSnapshot.from_bytes.

  void save(Path to, Map<String, Tensor> states, long steps) throws IOException {
    Map<String, String> about = new TreeMap<>(Map.of("format", "1", "model", parameters(), "steps", Long.toString(steps)));
    about.put("sha256", digest(states, about));
    StringBuilder header = new StringBuilder("{\"__metadata__\": " + Json.text(about));
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (Map.Entry<String, Tensor> one : states.entrySet()) {
      Tensor tensor = one.getValue();
      int start = data.size();
      data.writeBytes(tensor.bytes().array());
      header.append(String.format(", \"%s\": {\"dtype\": \"%s\", \"shape\": %s, \"data_offsets\": [%d, %d]}",
          one.getKey(), tensor.type().safe, Arrays.toString(tensor.shape()), start, data.size()));
    }
    byte[] text = (header + "}" + " ".repeat((8 - (header.length() + 1) % 8) % 8)).getBytes(StandardCharsets.UTF_8);
    ByteBuffer all = ByteBuffer.allocate(8 + text.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
    Files.write(to, all.putLong(text.length).put(text).put(data.toByteArray()).array());
  }

  record Held(Map<String, Tensor> states, long steps) {}

  Held restore(Path from) throws IOException {
    if (!Files.isRegularFile(from)) throw new HostError(from + ": there is no such file");
    byte[] content = Files.readAllBytes(from);
    Map<String, Tensor> states = new TreeMap<>();
    Map<String, String> about = new TreeMap<>();
    try {
      int start = 8 + (int) ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getLong();
      Map<String, Object> header = Json.object(new Json(new String(content, 8, start - 8, StandardCharsets.UTF_8)).value());
      Json.object(header.remove("__metadata__")).forEach((key, value) -> about.put(key, (String) value));
      if (!about.containsKey("sha256")) throw new IllegalArgumentException("none of rnngraph's");
      header.forEach((name, entry) -> {
        Map<String, Object> told = Json.object(entry);
        long[] shape = Json.shape(told.get("shape")), place = Json.shape(told.get("data_offsets"));
        Tensor.Type type = Tensor.Type.where(name, t -> t.safe.equals(told.get("dtype")));
        if (start + place[1] > content.length || place[1] - place[0] != (long) Tensor.product(shape, 0) * type.size) throw new IllegalArgumentException("cut");
        states.put(name, Tensor.of(type, shape, Arrays.copyOfRange(content, start + (int) place[0], start + (int) place[1])));
      });
    } catch (RuntimeException error) {
      throw new HostError(from + " is no state, or a truncated one");
    }
    String format = about.get("format"), theirs = about.get("model"), ours = parameters();
    if (Integer.parseInt(format) > 1) throw new HostError(from + " has format " + format + ", this program knows format 1");
    if (!digest(states, about).equals(about.get("sha256"))) throw new HostError(from + " was altered: its values do not match its digest");
    if (!theirs.isEmpty() && !theirs.equals(ours)) {
      throw new HostError(String.format("%s is the state of another network: of parameters %.12s..., %s has %.12s...", from, theirs, path, ours));
    }
    return new Held(states, Long.parseLong(about.getOrDefault("steps", "0")));
  }

  static String digest(Map<String, Tensor> states, Map<String, String> about) {
    try {
      MessageDigest sum = MessageDigest.getInstance("SHA-256");
      Map<String, String> said = new TreeMap<>(about);
      said.remove("sha256");
      sum.update(Json.text(said).getBytes(StandardCharsets.UTF_8));
      states.forEach((name, tensor) -> { // in the order of their names
        sum.update((name + " " + tensor.type().code + " " + Tensor.shown(tensor.shape()) + ";").getBytes(StandardCharsets.UTF_8));
        sum.update(tensor.bytes().array());
      });
      return HexFormat.of().formatHex(sum.digest());
    } catch (NoSuchAlgorithmException error) {
      throw new IllegalStateException(error); // each Java has it
    }
  }

  // The golden samples.

  record Sample(Map<String, Tensor> inputs, Map<String, Tensor> outputs) {}

  List<Sample> samples() throws IOException {
    Path folder = Path.of(path + ".golden");
    List<Sample> found = new ArrayList<>();
    for (Path set : Files.isDirectory(folder) ? sorted(folder) : List.<Path>of()) {
      if (!set.getFileName().toString().startsWith("test_data_set_")) continue;
      Sample sample = new Sample(new TreeMap<>(), new TreeMap<>());
      for (Path file : sorted(set)) {
        boolean isInput = file.getFileName().toString().startsWith("input_");
        Tensor.read(ByteBuffer.wrap(Files.readAllBytes(file)), isInput ? sample.inputs : sample.outputs);
      }
      List<String> takes = entries("inputs").stream().map(p -> (String) p.get("name")).sorted().toList();
      List<String> gives = entries("outputs").stream().map(p -> (String) p.get("name")).sorted().toList();
      boolean fits = takes.equals(List.copyOf(sample.inputs.keySet())) && gives.equals(List.copyOf(sample.outputs.keySet()));
      if (!fits) throw new HostError(set + " is of another file than " + path);
      found.add(sample);
    }
    if (found.isEmpty()) throw new HostError("there are no golden samples in " + folder + "; copy that folder along with the file");
    return found;
  }

  static List<Path> sorted(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  // What the commands do.

  boolean check() throws IOException, OrtException {
    Map<String, Object> precision = Json.object(manifest.get("precision"));
    Map<String, Object> told = precision == null ? Map.of() : Json.object(precision.get("tolerance"));
    double largest = 0;
    boolean ok = true;
    int k = 0;
    for (Sample sample : samples()) {
      Map<String, Tensor> got = run(sample.inputs, Map.of());
      for (Map<String, Object> port : entries("outputs")) {
        String name = (String) port.get("name");
        Tensor want = sample.outputs.get(name);
        double error = 0, scale = 1;
        for (int i = 0; i < want.size(); i++) {
          if (!specified(port, sample.inputs, want.shape(), i)) continue;
          error = Math.max(error, Math.abs(got.get(name).at(i) - want.at(i))); // NaN where one is
          scale = Math.max(scale, Math.abs(want.at(i)));
        }
        double allowed = (double) told.getOrDefault(name, TOLERANCE) * scale;
        boolean fits = error <= allowed; // false where it is NaN
        System.out.printf(Locale.ROOT, "golden %d  %-20s  %8.2e of %8.2e  %s%n", k, name, error, allowed, fits ? "ok" : "OFF");
        ok &= fits;
        largest = Math.max(largest, error);
      }
      k++;
    }
    System.out.printf(Locale.ROOT, "largest difference %.2e: %s the tolerance%n", largest, ok ? "all within" : "BEYOND");
    return ok;
  }

  /** Whether an output tells what it holds at index k: at masked steps it does not. */
  boolean specified(Map<String, Object> port, Map<String, Tensor> inputs, long[] shape, int k) {
    int axis = timeAxis(port);
    if (axis < 0) return true;
    int steps = (int) shape[axis], inner = Tensor.product(shape, axis + 1), row = Tensor.product(shape, 1);
    for (Map<String, Object> one : entries("inputs")) {
      Tensor mask = inputs.get(one.get("name"));
      if (one.get("role").equals("mask") && mask.shape()[1] == steps && mask.at(k / row * steps + k / inner % steps) == 0) return false;
    }
    return true;
  }

  void stream(long steps, String begin, String end) throws IOException, OrtException {
    if (!(boolean) manifest.get("streams")) throw new HostError(path + " cannot be fed step by step: " + manifest.get("why_not"));
    Map<String, Tensor> inputs = samples().get(0).inputs;
    entries("states").forEach(state -> inputs.remove(state.get("input")));
    Map<String, Tensor> initial = initial(inputs.values().iterator().next().shape()[0]);
    Held held = begin == null ? new Held(initial, 0) : restore(Path.of(begin));
    Map<String, Tensor> states = held.states.isEmpty() ? initial : held.states; // that of a stream before its first step is empty
    for (Map.Entry<String, Tensor> one : initial.entrySet()) {
      Tensor given = states.get(one.getKey());
      String has = given == null ? "none" : Tensor.shown(given.shape()), needs = Tensor.shown(one.getValue().shape());
      if (!has.equals(needs)) throw new HostError(begin + ": " + one.getKey() + " has the shape " + has + ", the stream needs " + needs);
    }
    for (long t = held.steps; t < held.steps + steps; t++) {
      Map<String, Tensor> outputs = run(atStep(inputs, t), states);
      states = next(outputs);
      for (Map<String, Object> port : entries("outputs")) {
        if (!port.get("role").equals("output")) continue;
        Tensor y = outputs.get(port.get("name"));
        StringBuilder line = new StringBuilder("step " + (t + 1) + " " + port.get("name"));
        for (int k = 0; k < y.size(); k++) line.append(' ').append(y.at(k));
        System.out.println(line);
      }
    }
    if (end != null) save(Path.of(end), states, held.steps + steps);
  }

  public static void main(String[] arguments) throws IOException, OrtException {
    try {
      System.exit(done(arguments));
    } catch (HostError error) {
      System.err.println(error.getMessage());
      System.exit(2);
    }
  }

  static int done(String[] arguments) throws IOException, OrtException {
    Map<String, String> options = new TreeMap<>(Map.of("--steps", "7"));
    String command = arguments.length > 1 ? arguments[0] : "";
    boolean known = command.equals("check") && arguments.length == 2 || command.equals("stream") && arguments.length % 2 == 0;
    for (int k = 2; known && k < arguments.length; k += 2) {
      known = List.of("--steps", "--restore", "--save").contains(arguments[k]);
      options.put(arguments[k], arguments[k + 1]);
    }
    if (!known || !options.get("--steps").matches("\\d{1,9}")) throw new HostError(USAGE);
    Host host = new Host(Path.of(arguments[1]));
    if (command.equals("check")) return host.check() ? 0 : 1;
    host.stream(Long.parseLong(options.get("--steps")), options.get("--restore"), options.get("--save"));
    return 0;
  }
}
