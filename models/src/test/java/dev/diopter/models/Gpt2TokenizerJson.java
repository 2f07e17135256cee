package dev.diopter.models;

import dev.diopter.formats.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * GPT-2's {@code tokenizer.json}, made from the ranks that the jtokkit library carries: a token's
 * merge is the pair that it falls into when only better ranks may join.
 */
final class Gpt2TokenizerJson {
  private static final String RANKS = "/com/knuddels/jtokkit/r50k_base.tiktoken";
  private static final char[] ALPHABET = alphabet();

  private Gpt2TokenizerJson() {}

  static byte[] build() throws IOException {
    Map<String, Integer> ranks = new HashMap<>();
    List<String> byRank = new ArrayList<>();
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                Gpt2TokenizerJson.class.getResourceAsStream(RANKS), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        String token = visible(Base64.getDecoder().decode(line.substring(0, line.indexOf(' '))));
        ranks.put(token, byRank.size());
        byRank.add(token);
      }
    }
    ObjectNode root = Json.object();
    root.put("version", "1.0");
    // As some published files have it: this must not cut anything.
    root.putObject("truncation")
        .put("direction", "Right")
        .put("max_length", 512)
        .put("strategy", "LongestFirst")
        .put("stride", 0);
    root.putObject("padding")
        .put("direction", "Right")
        .put("pad_id", 50256)
        .put("pad_type_id", 0)
        .put("pad_token", "<|endoftext|>")
        .putNull("pad_to_multiple_of")
        .putObject("strategy")
        .put("Fixed", 64);
    ObjectNode end = root.putArray("added_tokens").addObject();
    end.put("id", 50256)
        .put("content", "<|endoftext|>")
        .put("single_word", false)
        .put("lstrip", false)
        .put("rstrip", false);
    end.put("normalized", true).put("special", true);
    root.putNull("normalizer");
    for (String part : new String[] {"pre_tokenizer", "post_processor", "decoder"}) {
      root.putObject(part)
          .put("type", "ByteLevel")
          .put("add_prefix_space", false)
          .put("trim_offsets", false)
          .put("use_regex", true);
    }
    ObjectNode model = root.putObject("model").put("type", "BPE");
    ObjectNode vocabulary = model.putObject("vocab");
    ranks.forEach(vocabulary::put);
    vocabulary.put("<|endoftext|>", 50256);
    ArrayNode merges = model.putArray("merges");
    for (String token : byRank) {
      if (token.length() > 1) {
        merges.add(pair(token, ranks));
      }
    }
    return Json.compact(root).getBytes(StandardCharsets.UTF_8);
  }

  private static String pair(String token, Map<String, Integer> ranks) {
    int own = ranks.get(token);
    List<String> parts =
        new ArrayList<>(token.chars().mapToObj(c -> String.valueOf((char) c)).toList());
    while (parts.size() > 2) {
      int best = -1;
      int rank = own;
      for (int i = 0; i + 1 < parts.size(); i++) {
        int joined = ranks.getOrDefault(parts.get(i) + parts.get(i + 1), Integer.MAX_VALUE);
        if (joined < rank) {
          rank = joined;
          best = i;
        }
      }
      parts.set(best, parts.get(best) + parts.remove(best + 1));
    }
    return parts.get(0) + " " + parts.get(1);
  }

  /** Bytes in the byte-level alphabet, the inverse of what the product has. */
  static String visible(byte[] bytes) {
    StringBuilder out = new StringBuilder();
    for (byte b : bytes) {
      out.append(ALPHABET[b & 0xFF]);
    }
    return out.toString();
  }

  private static char[] alphabet() {
    char[] alphabet = new char[256];
    int next = 256;
    for (int b = 0; b < 256; b++) {
      boolean shown = b >= 33 && b <= 126 || b >= 161 && b <= 172 || b >= 174;
      alphabet[b] = (char) (shown ? b : next++);
    }
    return alphabet;
  }
}
