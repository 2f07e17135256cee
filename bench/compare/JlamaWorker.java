import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.tensor.AbstractTensor;
import com.github.tjake.jlama.tensor.KvBufferCache;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/**
 * Jlama's side of compare.py: JlamaWorker MODEL_FOLDER THREADS. Reads one job a line, does it once,
 * and answers one line of JSON: see CompareWorker.java for the jobs. Compiled by the java launcher;
 * no part of the build.
 */
public final class JlamaWorker {
  private static AbstractModel model;
  private static AbstractTensor logits;

  public static void main(String[] args) throws Exception {
    PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    System.setOut(System.err); // what the library prints is no answer
    int threads = Integer.parseInt(args[1]);
    model = ModelSupport.loadModel(new File(args[0]), null, DType.F32, DType.F32, Optional.empty(), Optional.of(threads));
    logits = model.makeDenseTensor(model.getConfig().vocabularySize);
    answers.println("{\"ready\": \"Jlama, " + threads + " threads\"}");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] job = line.split(" ");
      int[] prompt = prompt(Integer.parseInt(job[1]));
      answers.println(job[0].equals("prefill") ? prefill(prompt) : decode(prompt, Integer.parseInt(job[2])));
    }
    System.exit(0); // its pool's threads would keep the process
  }

  private static int[] prompt(int n) {
    int[] ids = new int[n];
    for (int i = 0; i < n; i++) {
      ids[i] = (7 * i + 3) % 1000 + 10;
    }
    return ids;
  }

  private static KvBufferCache.KvBuffer fresh() {
    return new KvBufferCache(model).getEphemeralKvBuffer();
  }

  /** The blocks for all rows; final norm and logits of the last row alone. Leaves the logits. */
  private static int last(int[] ids, KvBufferCache.KvBuffer kv) {
    try (AbstractTensor rows = model.batchForward(ids, 0, kv)) {
      return model.sample(rows.slice(ids.length - 1), 0f, 0f, logits);
    }
  }

  private static String prefill(int[] ids) throws Exception {
    try (KvBufferCache.KvBuffer kv = fresh()) {
      long start = System.nanoTime();
      last(ids, kv);
      double ms = (System.nanoTime() - start) / 1e6;
      return String.format(Locale.ROOT, "{\"ms\": %.4f, \"numbers\": [%.6f, %.6f, %.6f]}", ms,
          logits.get(0, 0), logits.get(0, 7), logits.get(0, model.getConfig().vocabularySize - 1));
    }
  }

  private static String decode(int[] prompt, int tokens) throws Exception {
    try (KvBufferCache.KvBuffer kv = fresh()) {
      int first = last(prompt, kv);
      int second = first;
      int id = first;
      long start = System.nanoTime();
      for (int t = 1; t < tokens; t++) {
        try (AbstractTensor row = model.forward(id, prompt.length + t - 1, kv, Optional.empty())) {
          id = model.sample(row, 0f, 0f, logits);
        }
        second = t == 1 ? id : second;
      }
      double ms = (System.nanoTime() - start) / 1e6 / (tokens - 1);
      return String.format(Locale.ROOT, "{\"ms\": %.4f, \"numbers\": [%d, %d, %d]}", ms, first, second, id);
    }
  }
}
