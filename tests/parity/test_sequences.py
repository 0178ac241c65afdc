"""Sequences: recurrent layers, attention, masks, and where their axes stand."""

import types

import numpy as np
import pytest

import parity
from tests.parity.nets import SEQUENCE, SIGNAL, F, L, keras, nn, sequential, tf, torch

RNG = np.random.default_rng(5)


def test_a_mask_of_the_other_polarity_is_diagnosed():
    class Masked(nn.Module):
        def __init__(self, allowed):
            super().__init__()
            self.attend, self.mask = nn.MultiheadAttention(6, 2, batch_first=True), ~torch.tensor(allowed)

        def forward(self, x):
            return self.attend(x, x, x, attn_mask=self.mask)[0]

    allowed = np.tril(np.ones((7, 7), bool))
    allowed[6, 0] = False  # a row without any key would be NaN
    x = np.random.default_rng(0).normal(size=(2, 7, 6))
    theirs = keras.Input((7, 6))
    out = L.MultiHeadAttention(2, 3)(theirs, theirs, attention_mask=allowed[None])
    model = keras.Model(theirs, out)
    assert parity.compare(Masked(allowed), model, x).passed
    report = parity.compare(Masked(~allowed), model, x)
    assert {culprit.kind for culprit in report.culprits} == {"attention"}, str(report)
    assert report.culprits[0].diagnoses[0].cause == "attention.mask_polarity", str(report)


class Attention(nn.Module):
    """Written out: the weights (N, heads, T, T) are no images."""

    def __init__(self, scaled=True):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(6, 6) for _ in range(4))
        self.dropout, self.scale = nn.Dropout(0.3), 3**-0.5 if scaled else 1.0

    def forward(self, x):
        q, k, v = (f(x).unflatten(2, (2, 3)).transpose(1, 2) for f in (self.query, self.key, self.value))
        weights = self.dropout(F.softmax(self.scale * q @ k.mT, -1))
        return self.out((weights @ v).transpose(1, 2).flatten(2)), weights


class AttentionTwin(keras.Model):
    """The same in Keras."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (L.Dense(6) for _ in range(4))
        self.dropout = L.Dropout(0.3)

    def call(self, x, training=False):
        n, t = x.shape[:2]
        q, k, v = (
            tf.transpose(tf.reshape(f(x), (n, t, 2, 3)), (0, 2, 1, 3)) for f in (self.query, self.key, self.value)
        )
        weights = self.dropout(tf.nn.softmax(3**-0.5 * tf.matmul(q, k, transpose_b=True)), training=training)
        return self.out(tf.reshape(tf.transpose(weights @ v, (0, 2, 1, 3)), (n, t, 6))), weights


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("length", [5, 2])
def test_weights_of_an_attention_are_no_images(train, length):
    x = RNG.normal(size=(3, length, 6))
    for pair in ((Attention(), AttentionTwin()), (AttentionTwin(), Attention())):
        report = parity.compare(*pair, x, train=train)
        assert report.passed, str(report)
    culprits = parity.compare(Attention(scaled=False), AttentionTwin(), x, train=train).culprits
    assert {culprit.kind for culprit in culprits} == {"glue"}


class Encoder(keras.Model):
    """`nn.TransformerEncoderLayer` in Keras."""

    def __init__(self, weights=0.2):
        super().__init__()
        self.attention = L.MultiHeadAttention(2, 3, dropout=weights)
        self.norm1, self.norm2 = L.LayerNormalization(epsilon=1e-5), L.LayerNormalization(epsilon=1e-5)
        self.hidden, self.out = L.Dense(9, activation="relu"), L.Dense(6)
        self.dropout1, self.dropout, self.dropout2 = L.Dropout(0.2), L.Dropout(0.2), L.Dropout(0.2)

    def call(self, x):
        x = self.norm1(x + self.dropout1(self.attention(x, x)))
        return self.norm2(x + self.dropout2(self.out(self.dropout(self.hidden(x)))))


@pytest.mark.parametrize("train", [False, True])
def test_a_transformer_encoder_draws_the_same_for_the_weights_of_its_attention(train):
    def ours():
        return nn.TransformerEncoderLayer(6, 2, 9, 0.2, batch_first=True)

    x = RNG.normal(size=(3, 5, 6))
    for pair in ((ours(), Encoder()), (Encoder(), ours())):
        report = parity.compare(*pair, x, train=train)
        assert report.passed, str(report)
    wrong = parity.compare(ours(), Encoder(0.4), x, train=train)
    assert wrong.passed is not train
    assert [c.diagnoses[0].cause for c in wrong.culprits] == ["attention.dropout"] * train


class TimeFirst(nn.Module):
    """Time comes before the batch, as PyTorch has it if nothing is said."""

    def __init__(self):
        super().__init__()
        self.encoder, self.dropout, self.out = (
            nn.TransformerEncoderLayer(6, 2, 9, 0.2),
            nn.Dropout(0.3),
            nn.Linear(6, 2),
        )

    def forward(self, x):
        return self.out(self.dropout(self.encoder(x.transpose(0, 1)))).transpose(0, 1)


@pytest.mark.parametrize("train", [False, True])
def test_time_may_come_before_the_batch(train):
    def theirs(weights=0.2):
        return keras.Sequential([keras.Input((5, 6)), Encoder(weights), L.Dropout(0.3), L.Dense(2)])

    x = RNG.normal(size=(3, 5, 6))
    for pair in ((TimeFirst(), theirs()), (theirs(), TimeFirst())):
        report = parity.compare(*pair, x, train=train)
        assert report.passed, str(report)
    ours = TimeFirst()
    ours.encoder.norm1.eps = 1e-3
    for pair in ((ours, theirs()), (theirs(), ours)):
        (culprit,) = parity.compare(*pair, x, train=train).culprits
        assert culprit.diagnoses[0].cause == "norm.epsilon"


class Fused(Attention):
    """All in one function, which does not give the weights."""

    def forward(self, x):
        q, k, v = (f(x).unflatten(2, (2, 3)).transpose(1, 2) for f in (self.query, self.key, self.value))
        rate = self.dropout.p if self.training else 0.0
        return self.out(F.scaled_dot_product_attention(q, k, v, dropout_p=rate).transpose(1, 2).flatten(2))


class FusedTwin(AttentionTwin):
    """Without the weights."""

    def call(self, x, training=False):
        return super().call(x, training)[0]


@pytest.mark.parametrize("train", [False, True])
def test_an_attention_in_one_function_drops_the_same_weights(train):
    fused = Fused()
    del fused.dropout
    fused.dropout = types.SimpleNamespace(p=0.3)
    report = parity.compare(fused, FusedTwin(), RNG.normal(size=(3, 5, 6)), train=train, allow=["dropout*"])
    assert report.passed, str(report)


class Gated(nn.Module):
    """A GRU whose states are all read, with time first inside."""

    def __init__(self):
        super().__init__()
        self.gru, self.dense = nn.GRU(5, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.dense(self.gru(x.transpose(0, 1))[0].transpose(0, 1))


class Translator(nn.Module):
    """The states of one LSTM go into another."""

    def __init__(self, exchanged=False):
        super().__init__()
        self.reads, self.writes, self.exchanged = nn.LSTM(5, 6), nn.LSTM(3, 6, batch_first=True), exchanged

    def forward(self, x, y):
        _, (h, c) = self.reads(x.transpose(0, 1))
        return self.writes(y, (c, h) if self.exchanged else (h, c))[0]


class TranslatorTwin(keras.Model):
    """The same in Keras."""

    def __init__(self, **settings):
        super().__init__()
        self.reads = L.LSTM(6, return_state=True, **settings)
        self.writes = L.LSTM(6, return_sequences=True)

    def call(self, x, y):
        _, *states = self.reads(x)
        return self.writes(y, initial_state=states)


def test_states_of_recurrent_layers_are_compared_and_forced():
    inputs = [SEQUENCE, RNG.normal(size=(len(SEQUENCE), 4, 3))]
    for pair in ((Translator(), TranslatorTwin()), (TranslatorTwin(), Translator())):
        report = parity.compare(*pair, inputs)
        assert report.passed, str(report)
    for pair in ((Translator(), TranslatorTwin(activation="relu")), (TranslatorTwin(activation="relu"), Translator())):
        (culprit,) = parity.compare(*pair, inputs).culprits
        assert culprit.diagnoses[0].cause == "rnn.activation"
    (culprit, *_) = parity.compare(Translator(exchanged=True), TranslatorTwin(), inputs).culprits
    assert culprit.kind == "glue"


class Ends(nn.Module):
    """What is read of a recurrent layer: its last step, or its last states."""

    def __init__(self, kind, read):
        super().__init__()
        self.layer, self.read = kind(5, 4, batch_first=True, bidirectional="both" in read), read
        self.dense = nn.Linear(8 if "both" in read else 4, 2)

    def forward(self, x):
        out, states = self.layer(x)
        h = states[0] if isinstance(states, tuple) else states
        return self.dense({"step": out[:, -1], "state": h[-1], "both": torch.cat([*h], -1)}[self.read])


@pytest.mark.parametrize("read", ["step", "state", "both"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_the_last_step_is_the_same_however_it_is_read(kind, read):
    def theirs(**settings):
        layer = getattr(L, {"RNN": "SimpleRNN"}.get(kind, kind))(4, **settings)
        return sequential((7, 5), L.Bidirectional(layer) if read == "both" else layer, L.Dense(2))

    def ours():
        return Ends(getattr(nn, kind), read)

    assert parity.compare(ours(), theirs(), SEQUENCE).passed
    for pair in ((ours(), theirs(activation="sigmoid")), (theirs(activation="sigmoid"), ours())):
        (culprit,) = parity.compare(*pair, SEQUENCE).culprits
        assert culprit.diagnoses[0].cause == "rnn.activation"


PADDED_WORDS = np.array([[3, 4, 5, 0, 0], [1, 2, 3, 4, 0], [7, 8, 9, 10, 0]])


class Reader(nn.Module):
    """Embedded words, of which those with index 0 are padding, and an LSTM's last step or an attention."""

    def __init__(self, attends, hidden=lambda x: x == 0):
        super().__init__()
        self.embed, self.out, self.hidden = nn.Embedding(12, 4), nn.Linear(4, 2), hidden
        self.layer = nn.MultiheadAttention(4, 2, batch_first=True) if attends else nn.LSTM(4, 4, batch_first=True)

    def forward(self, x):
        y = self.embed(x)
        if isinstance(self.layer, nn.LSTM):
            return self.out(self.layer(y)[0][:, -1])
        return self.out(self.layer(y, y, y, key_padding_mask=self.hidden(x))[0])


class AttentiveTwin(keras.Model):
    """The attention in Keras."""

    def __init__(self):
        super().__init__()
        self.embed, self.layer, self.out = L.Embedding(12, 4), L.MultiHeadAttention(2, 2), L.Dense(2)

    def call(self, x):
        y = self.embed(x)
        return self.out(self.layer(y, y, attention_mask=(x != 0)[:, None]))


def test_padding_is_hidden_from_an_attention():
    for pair in ((Reader(True), AttentiveTwin()), (AttentiveTwin(), Reader(True))):
        report = parity.compare(*pair, PADDED_WORDS)
        assert report.passed, str(report)
    wrong = Reader(True, hidden=lambda x: x != 0)
    for pair in ((wrong, AttentiveTwin()), (AttentiveTwin(), wrong)):
        (culprit,) = parity.compare(*pair, PADDED_WORDS).culprits
        assert culprit.diagnoses[0].cause == "attention.mask_polarity"


@pytest.mark.parametrize("masked", [False, True])
def test_steps_that_a_mask_leaves_out_are_diagnosed(masked):
    embed, words = L.Embedding(12, 4, mask_zero=masked), keras.Input((5,), dtype="int32")
    theirs = keras.Sequential([words, embed, L.LSTM(4), L.Dense(2)])
    for pair in ((Reader(False), theirs), (theirs, Reader(False))):
        report = parity.compare(*pair, PADDED_WORDS, allow=["embed*"])
        assert report.passed is not masked, str(report)
        assert [c.diagnoses[0].cause for c in report.culprits] == ["rnn.mask"] * masked


def test_indices_are_the_same_whatever_their_width():
    theirs = keras.Sequential([keras.Input((5,), dtype="int32"), L.Embedding(12, 4), L.LSTM(4), L.Dense(2)])
    wrong = Reader(False)
    wrong.out.forward = lambda x: 2 * F.linear(x, wrong.out.weight, wrong.out.bias)
    (culprit,) = parity.compare(theirs, wrong, PADDED_WORDS).culprits
    assert culprit.kind == "dense"


def test_a_gru_that_resets_before_the_product_is_diagnosed():
    def theirs(**settings):
        return sequential((7, 5), L.GRU(6, return_sequences=True, **settings), L.Dense(2))

    for pair in ((Gated(), theirs(reset_after=False)), (theirs(reset_after=False), Gated())):
        (culprit,) = parity.compare(*pair, SEQUENCE).culprits
        assert culprit.diagnoses[0].cause == "gru.reset_after"
    assert parity.compare(theirs(reset_after=False), theirs(reset_after=False), SEQUENCE).passed
    (culprit,) = parity.compare(theirs(reset_after=False, use_bias=False), theirs(use_bias=False), SEQUENCE).culprits
    assert culprit.diagnoses[0].cause == "gru.reset_after"


def test_channels_may_be_last_on_one_side_and_first_on_the_other():
    class Mixed(nn.Module):
        def __init__(self, eps=1e-5):
            super().__init__()
            self.conv, self.norm, self.dense = nn.Conv1d(4, 6, 3), nn.LayerNorm(6, eps=eps), nn.Linear(6, 3)

        def forward(self, x):
            return self.dense(torch.relu(self.norm(self.conv(x).mT)))

    theirs = sequential((11, 4), L.Conv1D(6, 3), L.LayerNormalization(epsilon=1e-5), L.ReLU(), L.Dense(3))
    assert parity.compare(Mixed(), theirs, SIGNAL, layout="NCL").passed
    assert parity.compare(theirs, Mixed(), SIGNAL, layout="NCL").passed
    (culprit,) = parity.compare(Mixed(1e-3), theirs, SIGNAL, layout="NCL").culprits
    assert culprit.diagnoses[0].cause == "norm.epsilon"


def test_a_causal_convolution_may_be_cut_off_behind():
    class Chomped(nn.Module):
        def __init__(self, scale=1.0):
            super().__init__()
            self.first, self.last, self.scale = nn.Conv1d(4, 6, 3, padding=4, dilation=2), nn.Conv1d(6, 2, 1), scale

        def forward(self, x):
            return self.scale * self.last(F.relu(self.first(x)[:, :, :-4]))

    causal = sequential((11, 4), L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu"), L.Conv1D(2, 1))
    report = parity.compare(Chomped(), causal, SIGNAL, layout="NCL")
    assert report.passed, str(report)
    (culprit,) = parity.compare(causal, Chomped(2.0), SIGNAL, layout="NCL").culprits
    assert culprit.kind == "glue"
