import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** An array, as it goes through onnxruntime, golden samples and states. */
record Tensor(Tensor.Type type, long[] shape, ByteBuffer bytes) {
  /** A type by its number in TensorProto, and by its names in the manifest, in safetensors and in the digest. */
  enum Type {
    FLOAT32(1, "float32", "F32", "<f4", 4),
    INT64(7, "int64", "I64", "<i8", 8),
    FLOAT64(11, "float64", "F64", "<f8", 8);

    final int number;
    final String title, safe, code;
    final int size;

    Type(int number, String title, String safe, String code, int size) {
      this.number = number;
      this.title = title;
      this.safe = safe;
      this.code = code;
      this.size = size;
    }

    static Type where(String what, Predicate<Type> fits) {
      return Arrays.stream(values()).filter(fits).findFirst()
          .orElseThrow(() -> new Host.HostError(what + " has a type that is not float32, int64 or float64"));
    }
  }

  static Tensor of(Type type, long[] shape, byte[] bytes) {
    return new Tensor(type, shape, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
  }

  static Tensor empty(Type type, long[] shape) {
    return of(type, shape, new byte[product(shape, 0) * type.size]);
  }

  int size() {
    return product(shape, 0);
  }

  double at(int k) {
    return switch (type) {
      case FLOAT32 -> bytes.getFloat(4 * k);
      case FLOAT64 -> bytes.getDouble(8 * k);
      case INT64 -> bytes.getLong(8 * k);
    };
  }

  OnnxTensor value(OrtEnvironment env) throws OrtException {
    return switch (type) {
      case FLOAT32 -> OnnxTensor.createTensor(env, bytes.asFloatBuffer(), shape);
      case FLOAT64 -> OnnxTensor.createTensor(env, bytes.asDoubleBuffer(), shape);
      case INT64 -> OnnxTensor.createTensor(env, bytes.asLongBuffer(), shape);
    };
  }

  /** A copy of what onnxruntime computed, as outputs and states are: numbers with a fraction. */
  static Tensor of(String name, OnnxTensor value) {
    Type type = Type.where(name, t -> t.name().equals(switch (value.getInfo().type) {
      case FLOAT -> "FLOAT32";
      case DOUBLE -> "FLOAT64";
      default -> "other";
    }));
    Tensor made = empty(type, value.getInfo().getShape());
    if (type == Type.FLOAT32) {
      made.bytes.asFloatBuffer().put(value.getFloatBuffer());
    } else {
      made.bytes.asDoubleBuffer().put(value.getDoubleBuffer());
    }
    return made;
  }

  /** Read protobuf's TensorProto, of which four fields are needed. */
  static void read(ByteBuffer message, Map<String, Tensor> into) {
    List<Long> shape = new ArrayList<>();
    Map<Long, byte[]> texts = new TreeMap<>();
    long number = 0;
    while (message.hasRemaining()) {
      long key = varint(message);
      if (key % 8 == 0) {
        long value = varint(message);
        if (key / 8 == 1) shape.add(value);
        if (key / 8 == 2) number = value;
      } else {
        byte[] bytes = new byte[key % 8 == 2 ? (int) varint(message) : key % 8 == 1 ? 8 : 4];
        message.get(bytes);
        texts.put(key / 8, bytes);
      }
    }
    String name = new String(texts.get(8L), StandardCharsets.UTF_8);
    long kind = number;
    Type type = Type.where(name, t -> t.number == kind);
    into.put(name, Tensor.of(type, shape.stream().mapToLong(d -> d).toArray(), texts.get(9L)));
  }

  static long varint(ByteBuffer message) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte one = message.get();
      value |= (long) (one & 127) << shift;
      if (one >= 0) return value;
    }
  }

  static int product(long[] shape, int from) {
    return (int) Arrays.stream(shape, from, shape.length).reduce(1, (a, b) -> a * b);
  }

  static String shown(long[] shape) { // as Python does: the digest needs it
    String text = Arrays.stream(shape).mapToObj(Long::toString).collect(Collectors.joining(", "));
    return "(" + text + (shape.length == 1 ? ",)" : ")");
  }
}
