"""Recurrent layers and attention."""

from dualnet.rosetta.row import Row

RECURRENT = {"kernel": "weight_ih_l0.T", "recurrent_kernel": "weight_hh_l0.T", "bias": "bias_ih_l0 + bias_hh_l0"}
GRU = {
    "kernel": "weight_ih_l0.reshape(3, 3, 7)[[1, 0, 2]].flatten(0, 1).T",
    "recurrent_kernel": "weight_hh_l0.reshape(3, 3, 3)[[1, 0, 2]].flatten(0, 1).T",
    "bias": "torch.stack((bias_ih_l0, bias_hh_l0)).reshape(2, 3, 3)[:, [1, 0, 2]].flatten(1)",
}
BOTH_WAYS = {
    "forward_lstm/lstm_cell/kernel": "weight_ih_l0.T",
    "forward_lstm/lstm_cell/recurrent_kernel": "weight_hh_l0.T",
    "forward_lstm/lstm_cell/bias": "bias_ih_l0 + bias_hh_l0",
    "backward_lstm/lstm_cell/kernel": "weight_ih_l0_reverse.T",
    "backward_lstm/lstm_cell/recurrent_kernel": "weight_hh_l0_reverse.T",
    "backward_lstm/lstm_cell/bias": "bias_ih_l0_reverse + bias_hh_l0_reverse",
}
CELL = {"kernel": "weight_ih.T", "recurrent_kernel": "weight_hh.T", "bias": "bias_ih + bias_hh"}
HEADS = {
    "query/kernel": "in_proj_weight[:8].T.reshape(8, 2, 4)",
    "key/kernel": "in_proj_weight[8:16].T.reshape(8, 2, 4)",
    "value/kernel": "in_proj_weight[16:].T.reshape(8, 2, 4)",
    "query/bias": "in_proj_bias[:8].reshape(2, 4)",
    "key/bias": "in_proj_bias[8:16].reshape(2, 4)",
    "value/bias": "in_proj_bias[16:].reshape(2, 4)",
    "attention_output/kernel": "out_proj.weight.T.reshape(2, 4, 8)",
    "attention_output/bias": "out_proj.bias",
}

ROWS = (
    Row(
        "simple recurrent layer",
        tf="""
            layer = keras.layers.SimpleRNN(3, return_sequences=True)
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.RNN(7, 3, batch_first=True)
            layer(sequence)[0]
        """,
        note="batch_first=True; return_sequences=True; PyTorch's two biases are summed",
        without=(
            """
                layer = torch.nn.RNN(7, 3)
                layer(sequence)[0]
            """,
            """
                layer = keras.layers.SimpleRNN(3)
                layer(sequence)
            """,
        ),
        weights=RECURRENT,
        difference="D071",
    ),
    Row(
        "LSTM, all steps",
        tf="""
            layer = keras.layers.LSTM(3, return_sequences=True)
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.LSTM(7, 3, batch_first=True)
            layer(sequence)[0]
        """,
        note="batch_first=True; the gates are in the same order; PyTorch's two biases are summed",
        without="""
            layer = torch.nn.LSTM(7, 3)
            layer(sequence)[0]
        """,
        weights=RECURRENT,
        difference="D064",
    ),
    Row(
        "LSTM, the last step",
        tf="""
            layer = keras.layers.LSTM(3)
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.LSTM(7, 3, batch_first=True)
            layer(sequence)[0][:, -1]
        """,
        note="[0][:, -1]: PyTorch gives all steps, and the states",
        without="""
            layer = torch.nn.LSTM(7, 3, batch_first=True)
            layer(sequence)[0][:, 0]
        """,
        weights=RECURRENT,
        difference="D072",
    ),
    Row(
        "LSTM and its states",
        tf="""
            layer = keras.layers.LSTM(3, return_sequences=True, return_state=True)
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.LSTM(7, 3, batch_first=True)
            steps, (hidden, cell) = layer(sequence)
            steps, hidden[0], cell[0]
        """,
        note="PyTorch's states have an axis of layers and directions in front",
        without="""
            layer = torch.nn.LSTM(7, 3, batch_first=True)
            layer(sequence)
        """,
        weights=RECURRENT,
        difference="D073",
    ),
    Row(
        "LSTM with initial states",
        tf="""
            layer = keras.layers.LSTM(3)
            layer(sequence, initial_state=[hidden, cell])
        """,
        torch="""
            layer = torch.nn.LSTM(7, 3, batch_first=True)
            layer(sequence, (hidden[None], cell[None]))[0][:, -1]
        """,
        weights=RECURRENT,
        difference="D079",
    ),
    Row(
        "LSTM both ways, all steps",
        tf="""
            layer = keras.layers.Bidirectional(keras.layers.LSTM(3, name="lstm", return_sequences=True))
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.LSTM(7, 3, batch_first=True, bidirectional=True)
            layer(sequence)[0]
        """,
        weights=BOTH_WAYS,
        names=("keras.layers.Bidirectional", "torch.nn.LSTM"),
    ),
    Row(
        "LSTM both ways, the last step",
        tf="""
            layer = keras.layers.Bidirectional(keras.layers.LSTM(3, name="lstm"))
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.LSTM(7, 3, batch_first=True, bidirectional=True)
            torch.cat(tuple(layer(sequence)[1][0]), 1)
        """,
        note="the states: the last step of the backward half has seen one input only",
        without="""
            layer = torch.nn.LSTM(7, 3, batch_first=True, bidirectional=True)
            layer(sequence)[0][:, -1]
        """,
        weights=BOTH_WAYS,
        names=("keras.layers.Bidirectional", "torch.nn.LSTM"),
        difference="D074",
    ),
    Row(
        "LSTM from the end",
        tf="""
            layer = keras.layers.LSTM(3, return_sequences=True, go_backwards=True)
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.LSTM(7, 3, batch_first=True)
            layer(sequence.flip(1))[0]
        """,
        note="flip the input, and not the output back",
        without="""
            layer = torch.nn.LSTM(7, 3, batch_first=True)
            layer(sequence.flip(1))[0].flip(1)
        """,
        weights=RECURRENT,
        difference="D075",
    ),
    Row(
        "LSTM under a mask, the last real step",
        tf="""
            layer = keras.layers.LSTM(3)
            layer(sequence, mask=valid)
        """,
        torch="""
            layer = torch.nn.LSTM(7, 3, batch_first=True)
            packed = torch.nn.utils.rnn.pack_padded_sequence(sequence, valid.sum(1), batch_first=True)
            layer(packed)[1][0][0]
        """,
        note="pack: the layer runs over the padding otherwise",
        without="""
            layer = torch.nn.LSTM(7, 3, batch_first=True)
            layer(sequence)[1][0][0]
        """,
        weights=RECURRENT,
        names=("keras.layers.LSTM", "torch.nn.utils.rnn.pack_padded_sequence"),
        difference="D077",
    ),
    Row(
        "one step of an LSTM",
        tf="""
            layer = keras.layers.LSTMCell(3)
            layer(sequence[:, 0], [hidden, cell])[1]
        """,
        torch="""
            layer = torch.nn.LSTMCell(7, 3)
            layer(sequence[:, 0], (hidden, cell))
        """,
        weights=CELL,
        difference="D065",
    ),
    Row(
        "one step of a simple recurrent layer",
        tf="""
            layer = keras.layers.SimpleRNNCell(3)
            layer(sequence[:, 0], [hidden])[0]
        """,
        torch="""
            layer = torch.nn.RNNCell(7, 3)
            layer(sequence[:, 0], hidden)
        """,
        weights=CELL,
    ),
    Row(
        "GRU",
        tf="""
            layer = keras.layers.GRU(3, return_sequences=True, reset_after=True)
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.GRU(7, 3, batch_first=True)
            layer(sequence)[0]
        """,
        note="reset_after=True; batch_first=True; the first two gates change places, both biases are kept",
        without=(
            """
                layer = keras.layers.GRU(3, return_sequences=True, reset_after=False)
                layer(sequence)
            """,
            """
                layer = torch.nn.GRU(7, 3)
                layer(sequence)[0]
            """,
        ),
        weights=GRU,
        difference="D067",
    ),
    Row(
        "GRU with an initial state",
        tf="""
            layer = keras.layers.GRU(3)
            layer(sequence, initial_state=hidden)
        """,
        torch="""
            layer = torch.nn.GRU(7, 3, batch_first=True)
            layer(sequence, hidden[None])[0][:, -1]
        """,
        weights=GRU,
        difference="D070",
    ),
    Row(
        "one layer for every step",
        tf="""
            layer = keras.layers.TimeDistributed(keras.layers.Dense(3))
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.Linear(7, 3)
            layer(sequence)
        """,
        weights={"kernel": "weight.T", "bias": "bias"},
    ),
    Row(
        "attention of several heads",
        tf="""
            layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
            layer(embedded, memory)
        """,
        torch="""
            layer = torch.nn.MultiheadAttention(8, 2, batch_first=True)
            layer(embedded, memory, memory)[0]
        """,
        note="key_dim is of one head; batch_first=True; query, value, key in Keras, query, key, value in PyTorch",
        without=(
            """
                layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=8)
                layer(embedded, memory)
            """,
            """
                layer = torch.nn.MultiheadAttention(8, 2)
                layer(embedded, memory, memory)[0]
            """,
        ),
        weights=HEADS,
        difference="D298",
    ),
    Row(
        "attention of several heads under a mask",
        tf="""
            layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
            layer(embedded, embedded, key_mask=valid)
        """,
        torch="""
            layer = torch.nn.MultiheadAttention(8, 2, batch_first=True)
            layer(embedded, embedded, embedded, key_padding_mask=~valid)[0]
        """,
        note="~: true is to be seen in Keras, to be ignored in PyTorch",
        without="""
            layer = torch.nn.MultiheadAttention(8, 2, batch_first=True)
            layer(embedded, embedded, embedded, key_padding_mask=valid)[0]
        """,
        weights=HEADS,
        difference="D297",
    ),
    Row(
        "attention of several heads, and its weights",
        tf="""
            layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
            layer(embedded, memory, return_attention_scores=True)
        """,
        torch="""
            layer = torch.nn.MultiheadAttention(8, 2, batch_first=True)
            layer(embedded, memory, memory, average_attn_weights=False)
        """,
        note="average_attn_weights=False: PyTorch gives the mean of the heads otherwise",
        without="""
            layer = torch.nn.MultiheadAttention(8, 2, batch_first=True)
            layer(embedded, memory, memory)
        """,
        weights=HEADS,
        difference="D301",
    ),
    Row(
        "scaled dot-product attention",
        tf="keras.ops.dot_product_attention(queries, keys, values)",
        torch="torch.nn.functional.scaled_dot_product_attention(queries, keys, values)",
        note="the axis of heads: behind the steps in Keras, before them in PyTorch",
        result="NTHD NHTD",
    ),
    Row(
        "scaled dot-product attention under a mask",
        tf="keras.ops.dot_product_attention(queries, keys, values, mask=mask[None, None])",
        torch="torch.nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)",
        note="true is to be seen on both sides, unlike in torch.nn.MultiheadAttention",
        without="torch.nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=~mask)",
        result="NTHD NHTD",
        difference="D297",
    ),
    Row(
        "causal attention",
        tf="keras.ops.dot_product_attention(queries, keys, values, is_causal=True)",
        torch="torch.nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)",
        note="is_causal=True; of more keys than queries, the last ones are not seen",
        without="torch.nn.functional.scaled_dot_product_attention(queries, keys, values)",
        result="NTHD NHTD",
        difference="D307",
    ),
    Row(
        "attention, layer without weights",
        tf="keras.layers.Attention()([embedded, memory])",
        torch="torch.nn.functional.scaled_dot_product_attention(embedded, memory, memory, scale=1.0)",
        note="scale=1.0: Keras' Attention does not divide by the square root of the size",
        without="torch.nn.functional.scaled_dot_product_attention(embedded, memory, memory)",
        difference="D305",
    ),
    Row(
        "additive attention",
        tf="keras.layers.AdditiveAttention(use_scale=False)([embedded, memory])",
        torch="""
            scores = torch.tanh(embedded[:, :, None] + memory[:, None]).sum(-1)
            torch.softmax(scores, -1) @ memory
        """,
        names="keras.layers.AdditiveAttention",
    ),
)
