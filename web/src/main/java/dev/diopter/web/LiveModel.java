package dev.diopter.web;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Runs prompts for the page, one at a time; further ones wait for a short while, and few of them.
 * The patterns of the last runs are kept, within a share of the heap. Thread safe.
 */
final class LiveModel {
  private static final int SHOWN = 12;
  private static final int MOST_WAITING = 8;
  private static final long PATIENCE_SECONDS = 20;
  private static final int KEPT_RUNS = 8;

  private final Model model;
  private final long mostBytes = Runtime.getRuntime().maxMemory() / 4;
  private final Semaphore turn = new Semaphore(1, true);
  private final Map<Integer, Run> runs = new LinkedHashMap<>();
  private int lastRun;
  private int @Nullable [] cleanIds;
  private float @Nullable [] cleanLogits;

  LiveModel(Model model) {
    this.model = model;
  }

  /** A head, by its numbers. */
  record Head(int layer, int head) {}

  /** What the page asks: a text, whether BOS goes in front, heads whose output becomes zero. */
  record Ask(String text, boolean bos, List<Head> ablate) {}

  /** Patterns of one run by layer, [head, query, key] as little-endian bytes. */
  private record Run(List<byte[]> layers) {
    long size() {
      return layers.stream().mapToLong(layer -> layer.length).sum();
    }
  }

  /** What the page needs to know of the model. */
  ObjectNode facts() {
    DecoderConfig config = model.config();
    ObjectNode facts = Json.object();
    facts.put("model_name", model.name());
    facts.put("n_layers", config.layers());
    facts.put("n_heads", config.heads());
    facts.put("n_ctx", config.contextLength());
    facts.put("bos", config.bosId() != null);
    facts.put("backend", model.backend());
    return facts;
  }

  /**
   * Runs a prompt.
   *
   * @throws Refusal where it does not fit the model, or too many wait
   */
  ObjectNode run(Ask ask) {
    takeTurn();
    try {
      return runAlone(ask);
    } catch (UsageException | ModelException e) {
      throw new Refusal(400, String.valueOf(e.getMessage()));
    } catch (OutOfMemoryError e) {
      throw new Refusal(
          503, "out of memory: shorten the prompt, or set a larger heap with DIOPTER_HEAP");
    } finally {
      turn.release();
    }
  }

  private void takeTurn() {
    boolean taken = false;
    try {
      taken =
          turn.getQueueLength() < MOST_WAITING
              && turn.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!taken) {
      throw new Refusal(503, "the model is busy with other prompts: try again");
    }
  }

  private ObjectNode runAlone(Ask ask) {
    PromptOptions options = ask.bos() ? PromptOptions.BOS : PromptOptions.DEFAULT;
    Prompt prompt = model.prompt(ask.text(), options);
    requireRoom(prompt.length());
    HookPlan.Builder plan = HookPlan.builder().read("blocks.*.attn.hook_pattern");
    for (Head head : ask.ablate()) {
      requireHead(head);
      plan.zero("blocks." + head.layer() + ".attn.hook_z", Selection.ALL.heads(head.head()));
    }
    RunResult result = model.run(RunRequest.of(prompt).plan(plan.build()).withLoss()).getFirst();
    float[] logits = result.lastLogits();
    float[] clean = ask.ablate().isEmpty() ? logits : clean(prompt);
    if (ask.ablate().isEmpty()) {
      cleanIds = prompt.ids();
      cleanLogits = logits;
    }
    ObjectNode answer = Json.object();
    answer.put("run", keep(result));
    answer.put("model", model.name());
    answer.put("n_tokens", prompt.length());
    putTokens(answer, prompt.ids());
    answer.put("loss_nats", result.lossNats());
    putTop(answer.putArray("top"), logits, clean);
    return answer;
  }

  private void requireRoom(int tokens) {
    DecoderConfig config = model.config();
    if (tokens > config.contextLength()) {
      throw new Refusal(
          400,
          "the prompt has %d tokens, the model's context %d: shorten the prompt"
              .formatted(tokens, config.contextLength()));
    }
    long bytes = 4L * config.layers() * config.heads() * tokens * tokens;
    if (bytes > mostBytes) {
      throw new Refusal(
          400,
          "the patterns of %d tokens need %d MB, of which %d are allowed: shorten the prompt, or set a larger heap with DIOPTER_HEAP"
              .formatted(tokens, bytes >> 20, mostBytes >> 20));
    }
  }

  private void requireHead(Head head) {
    DecoderConfig config = model.config();
    boolean fits =
        head.layer() >= 0
            && head.layer() < config.layers()
            && head.head() >= 0
            && head.head() < config.heads();
    if (!fits) {
      throw new Refusal(
          400,
          "ablate: expected layers 0 to %d and heads 0 to %d, got L%dH%d"
              .formatted(config.layers() - 1, config.heads() - 1, head.layer(), head.head()));
    }
  }

  /** The logits without ablations, which the page has mostly asked for just before. */
  private float[] clean(Prompt prompt) {
    float[] known = cleanLogits;
    if (known == null || !Arrays.equals(cleanIds, prompt.ids())) {
      known = model.run(prompt).lastLogits();
      cleanIds = prompt.ids();
      cleanLogits = known;
    }
    return known;
  }

  private void putTokens(ObjectNode answer, int[] ids) {
    ArrayNode tokens = answer.putArray("tokens");
    ArrayNode numbers = answer.putArray("ids");
    for (int id : ids) {
      numbers.add(id);
      tokens.add(label(id));
    }
  }

  private String label(int id) {
    return model.hasTokenizer() ? model.tokenizer().label(id) : "#" + id;
  }

  /** The most probable tokens, and those that were before the ablations. */
  private void putTop(ArrayNode top, float[] logits, float[] clean) {
    double[] now = LogProbabilities.probabilities(logits);
    double[] before = LogProbabilities.probabilities(clean);
    Set<Integer> ids = new LinkedHashSet<>();
    for (int id : LogProbabilities.top(logits, SHOWN)) {
      ids.add(id);
    }
    for (int id : LogProbabilities.top(clean, SHOWN)) {
      ids.add(id);
    }
    for (int id : ids) {
      ObjectNode one = top.addObject();
      one.put("id", id);
      one.put("token", label(id));
      one.put("logit", logits[id]);
      one.put("probability", now[id]);
      one.put("rank", rank(logits, id));
      one.put("clean_logit", clean[id]);
      one.put("clean_probability", before[id]);
      one.put("clean_rank", rank(clean, id));
    }
  }

  private static int rank(float[] logits, int id) {
    int rank = 1;
    for (float logit : logits) {
      rank += logit > logits[id] ? 1 : 0;
    }
    return rank;
  }

  private int keep(RunResult result) {
    List<byte[]> layers =
        result.activations().values().stream().map(a -> littleEndian(a.values())).toList();
    Run run = new Run(layers);
    synchronized (runs) {
      long kept = run.size() + runs.values().stream().mapToLong(Run::size).sum();
      var oldest = runs.values().iterator();
      while (oldest.hasNext() && (kept > mostBytes || runs.size() >= KEPT_RUNS)) {
        kept -= oldest.next().size();
        oldest.remove();
      }
      runs.put(++lastRun, run);
      return lastRun;
    }
  }

  private static byte[] littleEndian(float[] values) {
    byte[] bytes = new byte[4 * values.length];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return bytes;
  }

  /**
   * A layer's patterns of a run.
   *
   * @throws Refusal where there is no such layer, or they are no longer kept
   */
  byte[] patterns(int run, int layer) {
    int layers = model.config().layers();
    if (layer >= layers) {
      throw new Refusal(404, "expected layers 0 to %d, got %d".formatted(layers - 1, layer));
    }
    synchronized (runs) {
      Run found = runs.get(run);
      if (found == null) {
        throw new Refusal(404, "run %d is no longer kept: send the prompt again".formatted(run));
      }
      return found.layers().get(layer);
    }
  }
}
