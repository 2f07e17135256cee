package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class HooksPageTest {
  private static final Path PAGE = TestModels.root().resolve("docs/hooks.md");

  @Test
  void page_isUpToDate() throws IOException {
    if (Boolean.getBoolean("diopter.writeDocs")) {
      Files.writeString(PAGE, HooksPage.markdown());
    }
    assertThat(Files.readString(PAGE))
        .as("docs/hooks.md; write it anew with -Dtest=HooksPageTest -Ddiopter.writeDocs=true")
        .isEqualTo(HooksPage.markdown());
  }

  @Test
  void page_example_isAPlanThatAModelTakes() {
    HookPlan plan = PlanFile.parse("page", HooksPage.EXAMPLE);
    assertThat(PlanResolver.resolve(plan, PlanConfigs.LLAMA, new PromptSpan(0, 8, 4)).edits())
        .hasSize(5);
  }

  @Test
  void page_shortNames_areTaken() {
    Matcher rows =
        Pattern.compile("(?m)^\\| `([^`]*)`[^|]*\\| `([^`]*)` \\| `\\[")
            .matcher(HooksPage.markdown());
    int count = 0;
    while (rows.find()) {
      boolean gpt2 = rows.group(1).equals("hook_pos_embed");
      assertThat(
              HookNames.resolve(
                  rows.group(2).replace("{l}", "1"), gpt2 ? PlanConfigs.GPT2 : PlanConfigs.LLAMA))
          .extracting(HookPoint::name)
          .containsExactly(rows.group(1).replace("{l}", "1"));
      count++;
    }
    assertThat(count).isEqualTo(Site.values().length - 2);
  }
}
