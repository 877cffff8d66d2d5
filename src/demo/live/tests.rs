use super::*;

#[test]
fn prices_move_within_their_swing_and_come_back() {
    for goods in &GOODS {
        let highest = goods.lowest.0 + goods.step * goods.swing;
        for second in 0..100 {
            let price = goods.price(second).0;
            assert!((goods.lowest.0..=highest).contains(&price), "{}", goods.code);
            assert_ne!(price, goods.price(second + 1).0, "{}", goods.code);
        }
        assert_eq!(goods.price(2 * goods.swing), goods.lowest);
        assert_eq!(goods.price(goods.swing).0, highest);
    }
}
