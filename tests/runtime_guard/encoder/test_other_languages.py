"""Other languages than English: ordinary words are no names, some names are found. No sentence here was taught."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason='pip install "govkernel[encoder]"')
from runtime_guard.encoder.guard import GuardEncoder

PLAIN = (
    "¿Podrías explicarme cómo funciona la fotosíntesis de manera sencilla?",
    "El paquete llegó tarde, la caja estaba rota y faltaban dos tornillos.",
    "Pouvez-vous résumer ce document en trois phrases claires et simples ?",
    "La réunion a été déplacée parce que la salle n'était pas libre.",
    "Könnten Sie mir bitte erklären, wie man eine Steuererklärung ausfüllt?",
    "Die Lieferung kam zu spät und die Verpackung war beschädigt.",
    "Potresti spiegarmi come funziona il mutuo a tasso variabile?",
    "Il treno era in ritardo e abbiamo perso la coincidenza.",
    "Você pode traduzir este parágrafo para um inglês mais formal?",
    "A entrega atrasou e o produto veio com defeito.",
    "Kun je mij uitleggen hoe ik mijn wachtwoord kan wijzigen?",
    "De vergadering is verplaatst omdat de zaal bezet was.",
    "Czy możesz wyjaśnić, jak działa silnik elektryczny?",
    "Przesyłka dotarła uszkodzona i brakowało instrukcji.",
    "Můžete mi vysvětlit, jak funguje elektrický motor?",
    "Zásilka přišla pozdě a krabice byla poškozená.",
    "Kan du förklara hur man byter lösenord på mitt konto?",
    "Leveransen var försenad och lådan var trasig.",
    "Voitko selittää, miten sähkömoottori toimii?",
    "Lähetys oli myöhässä ja laatikko oli rikki.",
    "Elektrik motorunun nasıl çalıştığını basitçe açıklar mısın?",
    "Paket geç geldi ve kutu hasarlıydı.",
    "Bạn có thể giải thích cách hoạt động của động cơ điện không?",
    "Gói hàng đến muộn và hộp bị hỏng.",
    "Bisakah kamu menjelaskan cara kerja mesin listrik?",
    "Paket datang terlambat dan kotaknya rusak.",
    "Объясни, пожалуйста, как работает двигатель внутреннего сгорания.",
    "Посылка пришла с опозданием, и коробка была повреждена.",
    "Поясни, будь ласка, як приготувати борщ без м'яса.",
    "Μπορείς να μου εξηγήσεις πώς λειτουργεί ο κινητήρας;",
    "Το δέμα έφτασε αργά και το κουτί ήταν σπασμένο.",
    "هل يمكنك شرح كيفية عمل محرك السيارة بطريقة بسيطة؟",
    "وصل الطرد متأخرا وكان الصندوق مكسورا.",
    "אפשר להסביר לי איך עובד מנוע חשמלי?",
    "החבילה הגיעה באיחור והקופסה הייתה שבורה.",
    "क्या आप मुझे सरल भाषा में बता सकते हैं कि इंजन कैसे काम करता है?",
    "पैकेज देर से आया और डिब्बा टूटा हुआ था।",
    "请用简单的语言解释一下发动机是怎么工作的。",
    "包裹晚到了，盒子也坏了。",
    "エンジンの仕組みを簡単に説明してください。",
    "荷物が遅れて届き、箱が壊れていました。",
    "엔진이 어떻게 작동하는지 쉽게 설명해 주세요.",
    "소포가 늦게 도착했고 상자가 부서져 있었습니다.",
    "ช่วยอธิบายการทำงานของเครื่องยนต์แบบง่ายๆ หน่อย",
    "พัสดุมาถึงช้าและกล่องเสียหาย",
)

NAMED = (
    ("Ayer hablé con Lucía Fernández sobre el contrato y quedó contenta.", "Lucía Fernández"),
    ("La facture a été envoyée à Camille Rousseau, qui n'a pas répondu.", "Camille Rousseau"),
    ("Bitte leiten Sie das Schreiben an Sabine Krüger weiter.", "Sabine Krüger"),
    ("Il pacco è per Giulia Marchetti, lo lasci in portineria.", "Giulia Marchetti"),
    ("O relatório foi escrito por Tiago Carvalho antes da viagem.", "Tiago Carvalho"),
    ("De sleutel ligt bij Sanne Hoekstra van de receptie.", "Sanne Hoekstra"),
    ("Umowę podpisała Agnieszka Zielińska w obecności świadka.", "Agnieszka Zielińska"),
    ("Kvittot skickades till Elsa Bergström samma kväll.", "Elsa Bergström"),
    ("Договор подписала Ольга Смирнова, директор школы.", "Ольга Смирнова"),
    ("Лист отримала Наталія Шевченко, наша сусідка.", "Наталія Шевченко"),
    ("Το γράμμα το έστειλε η Ελένη Παπαδοπούλου.", "Ελένη Παπαδοπούλου"),
)
"""In alphabets; where characters stand for words, the word pieces know none."""

ENCODER = GuardEncoder.load()


def spans(text: str) -> set[tuple[str, str]]:
    (found,) = ENCODER.encode([text], ["user"])
    return {(entity, text[start:end]) for start, end, entity, _ in found.spans}


def test_ordinary_sentences_hold_next_to_no_names() -> None:
    wrong = {text: found for text in PLAIN if (found := spans(text))}
    assert len(wrong) <= len(PLAIN) // 20, wrong


def test_two_of_five_names_in_other_languages_are_found_whole() -> None:
    missed = [(text, spans(text)) for text, name in NAMED if ("PERSON", name) not in spans(text)]
    assert len(missed) <= len(NAMED) * 3 // 5, missed
