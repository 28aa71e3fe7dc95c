import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/** A reader of JSON, which Java has none of: objects are maps, arrays are lists, numbers are doubles. */
final class Json {
  private final String text;
  private int at;

  Json(String text) {
    this.text = text;
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> object(Object value) {
    return (Map<String, Object>) value;
  }

  static List<?> list(Object value) {
    return (List<?>) value;
  }

  static int number(Object value) {
    return ((Double) value).intValue();
  }

  static DoubleStream flat(Object value) {
    return value instanceof List<?> many ? many.stream().flatMapToDouble(Json::flat) : DoubleStream.of((Double) value);
  }

  static long[] shape(Object value) {
    return flat(value).mapToLong(d -> (long) d).toArray();
  }

  /** An object of plain texts as Python writes it: the digest needs it. */
  static String text(Map<String, String> object) {
    return object.entrySet().stream().map(e -> "\"" + e.getKey() + "\": \"" + e.getValue() + "\"").collect(Collectors.joining(", ", "{", "}"));
  }

  Object value() {
    return switch (peek()) {
      case '{' -> members();
      case '[' -> elements();
      case '"' -> string();
      default -> word();
    };
  }

  private char peek() {
    while (Character.isWhitespace(text.charAt(at))) at++;
    return text.charAt(at);
  }

  private boolean ends(char close) { // after an element: at its end, or at the comma behind it
    boolean end = peek() == close;
    if (end || text.charAt(at) == ',') at++;
    return end;
  }

  private Map<String, Object> members() {
    Map<String, Object> made = new LinkedHashMap<>();
    for (at++; !ends('}'); ) {
      peek();
      String key = string();
      peek();
      at++; // the colon
      made.put(key, value());
    }
    return made;
  }

  private List<Object> elements() {
    List<Object> made = new ArrayList<>();
    for (at++; !ends(']'); ) made.add(value());
    return made;
  }

  private String string() {
    StringBuilder made = new StringBuilder();
    for (at++; text.charAt(at) != '"'; at++) {
      if (text.charAt(at) != '\\') {
        made.append(text.charAt(at));
        continue;
      }
      char escaped = text.charAt(++at);
      if (escaped == 'u') {
        made.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
        at += 4;
      } else {
        int known = "bfnrt".indexOf(escaped);
        made.append(known < 0 ? escaped : "\b\f\n\r\t".charAt(known));
      }
    }
    at++;
    return made.toString();
  }

  private Object word() {
    int start = at;
    while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
    String word = text.substring(start, at);
    return switch (word) {
      case "true" -> true;
      case "false" -> false;
      case "null" -> null;
      default -> Double.valueOf(word);
    };
  }
}
