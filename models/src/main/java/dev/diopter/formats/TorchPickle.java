package dev.diopter.formats;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the small part of the pickle language in which torch writes dictionaries of tensors. A
 * pickle is a program; this machine knows the few instructions that such a dictionary needs, five
 * names and two calls, all of which it carries out itself. Any other name, call or instruction ends
 * the reading, so a hostile pickle can run nothing.
 *
 * <p>Memory and time are bounded by the pickle's size: values are remembered by reference, a tensor
 * has at most the axes that torch allows, and all together no more than the pickle has bytes.
 */
final class TorchPickle {
  private static final Object NONE = new Object();

  /** A byte can make a value of many. Torch has some 2,000 at a time: a thousand pairs. */
  private static final int MAX_STACK = 1 << 16;

  /** Torch's own limit. */
  private static final int MAX_AXES = 64;

  /** The names that a pickle may say, and what stands for them here. */
  private enum Global {
    ORDERED_DICT("collections.OrderedDict", null),
    REBUILD_TENSOR("torch._utils._rebuild_tensor_v2", null),
    FLOAT("torch.FloatStorage", TensorType.F32),
    HALF("torch.HalfStorage", TensorType.F16),
    BFLOAT16("torch.BFloat16Storage", TensorType.BF16);

    final String name;
    final @Nullable TensorType type;

    Global(String name, @Nullable TensorType type) {
      this.name = name;
      this.type = type;
    }
  }

  /**
   * Where a tensor's numbers lie.
   *
   * @param type element type
   * @param key name of the storage
   * @param elements elements of the storage
   */
  record Storage(TensorType type, String key, long elements) {}

  /** A view of a storage: offset and strides count elements. */
  record View(Storage storage, long offset, List<Long> shape, List<Long> strides) {}

  private final String source;
  private final ByteBuffer in;
  private final List<Object> stack = new ArrayList<>();
  private final Deque<Integer> marks = new ArrayDeque<>();
  private final Map<Integer, Object> memo = new HashMap<>();

  private TorchPickle(String source, byte[] pickle) {
    this.source = source;
    this.in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * The tensors of a state dictionary by name, in order.
   *
   * @throws FormatException where the pickle is anything else
   */
  static Map<String, View> read(String source, byte[] pickle) {
    TorchPickle machine = new TorchPickle(source, pickle);
    Object result = machine.run();
    if (!(result instanceof Map<?, ?> map)) {
      throw machine.broken("expected a dictionary of tensors, found " + kind(result));
    }
    Map<String, View> views = new LinkedHashMap<>();
    long axes = 0;
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      if (!(entry.getValue() instanceof View view)) {
        throw machine.broken(
            "expected a tensor under %s, found %s"
                .formatted(OneLine.quoted(entry.getKey().toString()), kind(entry.getValue())));
      }
      // Torch writes out each shape: only a remembered one can need more.
      axes += view.shape().size();
      if (axes > pickle.length) {
        throw machine.broken(
            "expected at most the pickle's %d axes of all tensors, found more"
                .formatted(pickle.length));
      }
      views.put(entry.getKey().toString(), view);
    }
    return views;
  }

  private Object run() {
    if (in.remaining() < 2 || u1() != 0x80 || u1() != 2) {
      throw broken("expected a pickle of protocol 2");
    }
    while (true) {
      int at = in.position();
      int code = u1();
      switch (code) {
        case 'c' -> push(global());
        case 'q' -> memo.put(u1(), peek());
        case 'r' -> memo.put(length(), peek());
        case 'h' -> push(remembered(u1()));
        case 'j' -> push(remembered(length()));
        case 'K' -> push((long) u1());
        case 'M' -> push((long) (need(2).getShort() & 0xFFFF));
        case 'J' -> push((long) need(4).getInt());
        case 0x8A -> push(longNumber());
        case 'X' -> push(text(length()));
        case 0x88 -> push(true);
        case 0x89 -> push(false);
        case 'N' -> push(NONE);
        case '(' -> mark();
        case ')' -> push(List.of());
        case 't' -> push(List.copyOf(toMark()));
        case 0x85, 0x86, 0x87 -> push(List.copyOf(top(code - 0x84)));
        case '}' -> push(new LinkedHashMap<String, Object>());
        case 's' -> setItems(top(2));
        case 'u' -> setItems(toMark());
        case 'R' -> reduce();
        case 'Q' -> push(storage(pop()));
        case 'b' -> build();
        case '.' -> {
          Object result = pop();
          if (!stack.isEmpty() || !marks.isEmpty()) {
            throw broken("expected one value at the end, found more");
          }
          return result;
        }
        default ->
            throw broken(
                "instruction 0x%02x at %d is none that a dictionary of tensors needs"
                    .formatted(code, at));
      }
    }
  }

  private Global global() {
    String name = OneLine.name(line() + "." + line());
    for (Global global : Global.values()) {
      if (global.name.equals(name)) {
        return global;
      }
    }
    throw new FormatException(
        ("%s: refused: the file asks Python for %s, which no dictionary of tensors needs and which may run"
                + " anything; nothing was run. Use a file from a source that you trust, saved as a state"
                + " dictionary")
            .formatted(source, OneLine.quoted(name)));
  }

  private void reduce() {
    List<?> arguments = tuple(pop());
    Object callee = pop();
    if (callee == Global.ORDERED_DICT && arguments.isEmpty()) {
      push(new LinkedHashMap<String, Object>());
    } else if (callee == Global.REBUILD_TENSOR && arguments.size() == 6) {
      if (!(arguments.get(0) instanceof Storage storage)) {
        throw broken("expected a tensor's storage, found " + kind(arguments.get(0)));
      }
      push(
          new View(
              storage,
              number(arguments.get(1)),
              numbers(arguments.get(2)),
              numbers(arguments.get(3))));
    } else {
      throw broken(
          "refused the call of %s with %d arguments; nothing was run"
              .formatted(kind(callee), arguments.size()));
    }
  }

  /** Attributes of the dictionary, such as version numbers of modules: not needed. */
  private void build() {
    Object attributes = pop();
    if (!(attributes instanceof Map) || !(peek() instanceof Map)) {
      throw broken("refused attributes of " + kind(peek()));
    }
  }

  private Storage storage(Object id) {
    List<?> parts = tuple(id);
    if (parts.size() != 5
        || !"storage".equals(parts.get(0))
        || !(parts.get(1) instanceof Global global)
        || global.type == null
        || !(parts.get(2) instanceof String key)
        || !(parts.get(3) instanceof String)) {
      throw broken(
          "expected a storage of float32, float16 or bfloat16 numbers, found something else");
    }
    if (!key.matches("[0-9]{1,9}")) {
      throw broken("expected a number as a storage's name, found " + OneLine.quoted(key));
    }
    return new Storage(global.type, key, number(parts.get(4)));
  }

  private void setItems(List<Object> items) {
    if (!(peek() instanceof Map<?, ?> map)) {
      throw broken("expected a dictionary to fill, found " + kind(peek()));
    }
    if (items.size() % 2 != 0) {
      throw broken("expected keys and values in pairs, found %d".formatted(items.size()));
    }
    @SuppressWarnings("unchecked") // every map here was made by this machine
    Map<String, Object> target = (Map<String, Object>) map;
    for (int i = 0; i < items.size(); i += 2) {
      if (!(items.get(i) instanceof String key)) {
        throw broken("expected texts as keys, found " + kind(items.get(i)));
      }
      if (target.put(key, items.get(i + 1)) != null) {
        throw broken("expected different keys, found %s twice".formatted(OneLine.quoted(key)));
      }
    }
  }

  // ---- the stack

  private void push(Object value) {
    requireRoom(stack.size());
    stack.add(value);
  }

  private void mark() {
    requireRoom(marks.size());
    marks.push(stack.size());
  }

  private void requireRoom(int used) {
    if (used >= MAX_STACK) {
      throw broken("expected at most %d values on the stack, found more".formatted(MAX_STACK));
    }
  }

  private int floor() {
    return marks.isEmpty() ? 0 : marks.peek();
  }

  private Object peek() {
    if (stack.size() <= floor()) {
      throw broken("expected a value on the stack, found none");
    }
    return stack.getLast();
  }

  private Object pop() {
    Object value = peek();
    stack.removeLast();
    return value;
  }

  private List<Object> top(int count) {
    if (stack.size() - floor() < count) {
      throw broken("expected %d values on the stack, found fewer".formatted(count));
    }
    return take(stack.size() - count);
  }

  private List<Object> toMark() {
    if (marks.isEmpty()) {
      throw broken("expected a mark on the stack, found none");
    }
    return take(marks.pop());
  }

  private List<Object> take(int from) {
    List<Object> tail = stack.subList(from, stack.size());
    List<Object> taken = new ArrayList<>(tail);
    tail.clear();
    return taken;
  }

  private Object remembered(int index) {
    Object value = memo.get(index);
    if (value == null) {
      throw broken("expected a value remembered as %d, found none".formatted(index));
    }
    return value;
  }

  // ---- the bytes

  private ByteBuffer need(int bytes) {
    if (in.remaining() < bytes) {
      throw broken("cut off at byte %d".formatted(in.limit()));
    }
    return in;
  }

  private int u1() {
    return need(1).get() & 0xFF;
  }

  private int length() {
    int length = need(4).getInt();
    if (length < 0) {
      throw broken("expected a length below 2^31, found a larger one");
    }
    return length;
  }

  private long longNumber() {
    int bytes = u1();
    if (bytes > Long.BYTES) {
      throw broken("expected a number below 2^63, found one of %d bytes".formatted(bytes));
    }
    need(bytes);
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      long next = in.get();
      value |= (i == bytes - 1 ? next : next & 0xFF) << (8 * i);
    }
    return value;
  }

  private String text(int length) {
    need(length);
    ByteBuffer bytes = in.slice(in.position(), length);
    in.position(in.position() + length);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw broken("expected UTF-8, found malformed bytes");
    }
  }

  private String line() {
    int from = in.position();
    while (u1() != '\n') {
      // to the end of the line
    }
    int length = in.position() - from - 1;
    return new String(in.array(), from, length, StandardCharsets.UTF_8);
  }

  // ---- values

  private List<?> tuple(Object value) {
    if (value instanceof List<?> list) {
      return list;
    }
    throw broken("expected a tuple, found " + kind(value));
  }

  private long number(Object value) {
    if (value instanceof Long number && number >= 0) {
      return number;
    }
    throw broken("expected a number of at least 0, found " + kind(value));
  }

  /** A tuple of sizes, itself: tuples never change, and a remembered one may be asked for often. */
  private List<Long> numbers(Object value) {
    List<?> tuple = tuple(value);
    if (tuple.size() > MAX_AXES) {
      throw broken("expected at most %d axes, found %d".formatted(MAX_AXES, tuple.size()));
    }
    for (Object each : tuple) {
      number(each);
    }
    @SuppressWarnings("unchecked") // all of them are numbers
    List<Long> numbers = (List<Long>) tuple;
    return numbers;
  }

  private static String kind(Object value) {
    return switch (value) {
      case Global global -> global.name;
      case View _ -> "a tensor";
      case Storage _ -> "a storage";
      case Map<?, ?> _ -> "a dictionary";
      case List<?> _ -> "a tuple";
      case String _ -> "a text";
      case Long number -> "the number " + number;
      case Boolean _ -> "true or false";
      default -> "nothing";
    };
  }

  private FormatException broken(String what) {
    return new FormatException(
        "%s: %s; save the file again with torch.save(module.state_dict(), FILE)"
            .formatted(source, what));
  }
}
