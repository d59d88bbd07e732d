/// Chat templates that need no file, for models trained from the beginning.
public enum BuiltInChatTemplate: String, Sendable, Hashable, CaseIterable {
    /// `<|im_start|>role`, a line, the content, `<|im_end|>`.
    case chatml
    /// Rounds of `[INST] … [/INST] answer`, the system's message in the first.
    case llama2
    /// `<|start_header_id|>role<|end_header_id|>`, an empty line, the content, `<|eot_id|>`.
    case llama3
    /// `<|role|>`, a line, the content and the token that ends a text.
    case zephyr
    /// `### Instruction:` and `### Response:`.
    case alpaca

    /// The template; the parts of the assistant stand in `generation` blocks.
    public var source: String {
        switch self {
        case .chatml: Self.chatmlSource
        case .llama2: Self.llama2Source
        case .llama3: Self.llama3Source
        case .zephyr: Self.zephyrSource
        case .alpaca: Self.alpacaSource
        }
    }

    private static let chatmlSource = """
        {%- for m in messages -%}
        {{- '<|im_start|>' + m.role + '\\n' -}}
        {%- if m.role == 'assistant' -%}
        {%- generation -%}{{- m.content + '<|im_end|>' -}}{%- endgeneration -%}
        {%- else -%}
        {{- m.content + '<|im_end|>' -}}
        {%- endif -%}
        {{- '\\n' -}}
        {%- endfor -%}
        {%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
        """

    private static let llama2Source = """
        {%- set state = namespace(system='') -%}
        {%- for m in messages -%}
        {%- if m.role == 'system' -%}
        {%- set state.system = '<<SYS>>\\n' + m.content + '\\n<</SYS>>\\n\\n' -%}
        {%- elif m.role == 'user' -%}
        {{- bos_token | default('<s>') + '[INST] ' + state.system + m.content | trim + ' [/INST]' -}}
        {%- set state.system = '' -%}
        {%- elif m.role == 'assistant' -%}
        {{- ' ' -}}
        {%- generation -%}{{- m.content | trim + ' ' + eos_token | default('</s>') -}}{%- endgeneration -%}
        {%- else -%}
        {{- raise_exception('this template knows the roles system, user and assistant, not ' ~ m.role) -}}
        {%- endif -%}
        {%- endfor -%}
        """

    private static let llama3Source = """
        {{- bos_token | default('<|begin_of_text|>') -}}
        {%- for m in messages -%}
        {{- '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' -}}
        {%- if m.role == 'assistant' -%}
        {%- generation -%}{{- m.content | trim + '<|eot_id|>' -}}{%- endgeneration -%}
        {%- else -%}
        {{- m.content | trim + '<|eot_id|>' -}}
        {%- endif -%}
        {%- endfor -%}
        {%- if add_generation_prompt -%}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {%- endif -%}
        """

    private static let zephyrSource = """
        {%- for m in messages -%}
        {{- '<|' + m.role + '|>\\n' -}}
        {%- if m.role == 'assistant' -%}
        {%- generation -%}{{- m.content + eos_token | default('</s>') -}}{%- endgeneration -%}
        {%- else -%}
        {{- m.content + eos_token | default('</s>') -}}
        {%- endif -%}
        {{- '\\n' -}}
        {%- endfor -%}
        {%- if add_generation_prompt -%}{{- '<|assistant|>\\n' -}}{%- endif -%}
        """

    private static let alpacaSource = """
        {%- for m in messages -%}
        {%- if m.role == 'system' -%}
        {{- m.content + '\\n\\n' -}}
        {%- elif m.role == 'user' -%}
        {{- '### Instruction:\\n' + m.content + '\\n\\n' -}}
        {%- elif m.role == 'assistant' -%}
        {{- '### Response:\\n' -}}
        {%- generation -%}{{- m.content + eos_token | default('</s>') -}}{%- endgeneration -%}
        {{- '\\n\\n' -}}
        {%- else -%}
        {{- raise_exception('this template knows the roles system, user and assistant, not ' ~ m.role) -}}
        {%- endif -%}
        {%- endfor -%}
        {%- if add_generation_prompt -%}{{- '### Response:\\n' -}}{%- endif -%}
        """
}
